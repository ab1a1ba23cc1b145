/// A question whether work is still wanted.
public final class Cancellation: Sendable {
  private let question: @Sendable () -> Bool

  /// - Parameter question: true once the work is not wanted any more, and from then on.
  public init(_ question: @escaping @Sendable () -> Bool) {
    self.question = question
  }

  /// Whether the work is not wanted any more.
  public var isRequested: Bool { question() }
}
