import Synchronization

/// What a job is doing.
public enum Stage: String, Sendable {
  /// Reading the model.
  case load
  /// Reference frames to latents.
  case encode
  /// DDIM inversion of the reference.
  case invert
  /// Fitting a motion embedding.
  case learn
  /// Denoising.
  case sample
  /// Latents to frames.
  case decode
}

/// How far a job is.
public struct Progress: Sendable {
  /// What is being done.
  public var stage: Stage
  /// Steps done in this stage, 0 at its start.
  public var step: Int
  /// Steps of this stage.
  public var steps: Int
  /// The loss of this step, while learning.
  public var loss: Float?

  /// A report.
  public init(_ stage: Stage, _ step: Int, of steps: Int, loss: Float? = nil) {
    self.stage = stage
    self.step = step
    self.steps = steps
    self.loss = loss
  }
}

/// A wish to see the frames of a running generation.
public struct PreviewRequest: Sendable {
  /// Denoising steps from one preview to the next, at least 1.
  public let interval: Int
  /// Called with the steps done and what the clip will look like, at the latents' size: a linear map of the clean latents
  /// that the model expects.
  public let show: @Sendable (Int, Clip) -> Void

  /// A preview every `interval` steps.
  public init(interval: Int, show: @escaping @Sendable (Int, Clip) -> Void) {
    self.interval = max(interval, 1)
    self.show = show
  }
}

/// The caller's side of a long computation: one place for cancellation, progress and warnings.
public struct Job: Sendable {
  /// Polled by all threads, hundreds of times a second; true ends the job with the kind `cancelled`. Once true, it stays
  /// true, whatever the caller's closure says later.
  public let isCancelled: @Sendable () -> Bool
  /// Called at the start and after each step of a stage.
  public let progress: @Sendable (Progress) -> Void
  /// Told what is odd but no error.
  public let warning: @Sendable (String) -> Void
  /// Told what was chosen, for a log.
  public let note: @Sendable (String) -> Void
  /// nil: no previews, and no work for them.
  public let preview: PreviewRequest?

  /// A job that runs to its end unless told otherwise.
  public init(
    isCancelled: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    warning: @escaping @Sendable (String) -> Void = { _ in }, note: @escaping @Sendable (String) -> Void = { _ in },
    preview: PreviewRequest? = nil
  ) {
    let latch = Latch()
    self.isCancelled = { latch.isSet(or: isCancelled) }
    self.progress = progress
    self.warning = warning
    self.note = note
    self.preview = preview
  }

  func check() throws(MotionTransferError) {
    if isCancelled() { throw .cancelled }
  }

  func report(_ stage: Stage, _ step: Int, of steps: Int, loss: Float? = nil) throws(MotionTransferError) {
    try check()
    progress(Progress(stage, step, of: steps, loss: loss))
  }
}

/// A flag that stays up.
private final class Latch: Sendable {
  private let flag = Atomic<Bool>(false)

  func isSet(or condition: () -> Bool) -> Bool {
    if flag.load(ordering: .relaxed) { return true }
    guard condition() else { return false }
    flag.store(true, ordering: .relaxed)
    return true
  }
}
