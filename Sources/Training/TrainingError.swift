/// A training run that cannot start or go on: what was found, what was expected, what to do.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
  /// The whole message, one line.
  public let description: String

  /// - Parameter message: what was found, what was expected, what to do.
  public init(_ message: String) { description = message }
}
