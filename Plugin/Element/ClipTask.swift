// One clip's computation: on the streaming thread, or on a thread of its own where `concurrency` allows.
import CGStreamer
import MotionTransfer
import Synchronization

/// What a clip is made from, and what became of it.
final class ClipTask: @unchecked Sendable {
  let clip: UInt64
  /// Frames to push of those that are generated.
  let frames: Int
  let window: Window
  let settings: Settings
  let options: Options
  let progress: ProgressReporter
  /// Nanoseconds from start to end.
  private(set) var elapsed: UInt64 = 0
  /// Written by the thread that computes, read after `wait`.
  private var result: Result<Clip?, MotionTransferError>?
  private let isDone = Atomic<Bool>(false)
  private let isUnwanted = Atomic<Bool>(false)
  private let thread = Mutex<Worker?>(nil)

  private struct Worker: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<GThread>
  }

  init(
    clip: UInt64, frames: Int, window: Window, settings: Settings, options: Options, progress: ProgressReporter
  ) {
    self.clip = clip
    self.frames = frames
    self.window = window
    self.settings = settings
    self.options = options
    self.progress = progress
  }

  var hasEnded: Bool { isDone.load(ordering: .acquiring) }

  /// Ends the computation soon: nobody wants its result.
  func abandon() { isUnwanted.store(true, ordering: .relaxed) }
  var isAbandoned: Bool { isUnwanted.load(ordering: .relaxed) }

  /// Computes here and now.
  func run(_ body: () throws(MotionTransferError) -> Clip?) {
    do throws(MotionTransferError) {
      result = .success(try body())
    } catch {
      result = .failure(error)
    }
    elapsed = progress.elapsed
    isDone.store(true, ordering: .releasing)
  }

  /// Computes on a new thread; here, where the system gives none.
  func start(_ body: @escaping @Sendable () throws(MotionTransferError) -> Clip?) {
    let context = Unmanaged.passRetained(Start(task: self, body: body))
    let made = g_thread_try_new(
      "motiontransfer",
      { raw in
        guard let raw else { return nil }
        let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
        start.task.run(start.body)
        return nil
      }, context.toOpaque(), nil)
    guard let made else {
      context.release()
      return run(body)
    }
    let worker = Worker(pointer: made)
    thread.withLock { $0 = worker }
  }

  private final class Start {
    let task: ClipTask
    let body: @Sendable () throws(MotionTransferError) -> Clip?
    init(task: ClipTask, body: @escaping @Sendable () throws(MotionTransferError) -> Clip?) {
      self.task = task
      self.body = body
    }
  }

  /// Returns when the computation has ended, with what it gave.
  func wait() -> Result<Clip?, MotionTransferError> {
    let worker = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let worker { g_thread_join(worker.pointer) }
    return result ?? .failure(.cancelled)
  }
}
