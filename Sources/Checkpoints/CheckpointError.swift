/// A file that cannot be read or written, or does not hold what it should.
public struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What went wrong, as far as a caller needs to tell cases apart.
  public enum Kind: Sendable {
    /// No such file or folder.
    case notFound
    /// There, but it cannot be opened or read.
    case unreadable
    /// Corrupt, hostile, or of another format.
    case badData
    /// The disk or the quota is full.
    case noSpace
    /// The target cannot be created or written.
    case unwritable
  }

  /// The case.
  public let kind: Kind
  /// Path, what was found, what was expected, what to do.
  public let message: String

  /// - Parameters:
  ///   - kind: the case.
  ///   - message: path, what was found, what was expected, what to do.
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
