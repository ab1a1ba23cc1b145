import Checkpoints
import Diffusion
import Layers

/// What went wrong, for a user: what was found, what was expected, what to do.
public struct MotionTransferError: Error, Sendable, CustomStringConvertible {
  /// The cases that callers tell apart (GStreamer error domains, exit statuses).
  public enum Kind: Sendable {
    /// A missing or unsuitable option or property.
    case settings
    /// A file or folder that is not there.
    case notFound
    /// A file that cannot be opened or read.
    case unreadable
    /// A corrupt file, or one of another format.
    case badData
    /// Sound data that does not belong to this model or size.
    case mismatch
    /// A full disk.
    case noSpace
    /// A target that cannot be written.
    case unwritable
    /// Stopped on request.
    case cancelled
    /// Everything else.
    case failed
  }

  /// The case.
  public let kind: Kind
  /// One or two sentences.
  public let message: String

  /// - Parameters:
  ///   - kind: the case.
  ///   - message: what was found, what was expected, what to do.
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// The error of a job that was asked to stop.
  public static let cancelled = MotionTransferError(.cancelled, "Stopped on request.")

  /// The message.
  public var description: String { message }

  /// Any error of the layers below, sorted into the cases above.
  public init(_ error: any Error) {
    switch error {
    case let error as MotionTransferError: self = error
    case let error as CheckpointError:
      let kind: Kind =
        switch error.kind {
        case .notFound: .notFound
        case .unreadable: .unreadable
        case .badData: .badData
        case .noSpace: .noSpace
        case .unwritable: .unwritable
        }
      self.init(kind, error.message)
    case let error as WeightError: self.init(.badData, error.description)
    case let error as ModelInputError: self.init(.mismatch, error.description)
    case let error as SchedulerError: self.init(.settings, error.description)
    default: self.init(.failed, "\(error)")
    }
  }

  /// Runs `body` and sorts what it throws.
  static func sorting<R>(_ body: () throws -> R) throws(MotionTransferError) -> R {
    do { return try body() } catch { throw MotionTransferError(error) }
  }
}
