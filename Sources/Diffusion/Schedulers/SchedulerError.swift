/// A request that a scheduler cannot serve: says what was found and what was expected.
public struct SchedulerError: Error, Sendable, CustomStringConvertible {
  /// One sentence for the user.
  public let description: String
}
