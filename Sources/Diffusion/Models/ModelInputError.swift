/// An input that does not fit a model: says what was found and what was expected.
public struct ModelInputError: Error, Sendable, CustomStringConvertible {
  /// One sentence for the user.
  public let description: String

  init(_ what: String, found: [Int], expected: String) {
    description = "\(what): found \(found), expected \(expected)"
  }
}
