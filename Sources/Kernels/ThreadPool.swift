import CKernels
import Glibc
import Synchronization

/// Worker threads that share the iterations of a loop with the calling thread.
///
/// Iterations are handed out one at a time from a counter, so a descheduled worker delays nothing but the
/// iteration that it holds. Which thread runs an iteration never changes its result. One loop runs on the
/// workers at a time: a second caller, or a nested loop, runs alone on its own thread.
public final class ThreadPool: Sendable {
  /// The pool of this process.
  public static let shared = ThreadPool()

  private struct State {
    var loop: Loop?
    var generation = 0
    var workers = 0
    var limit = ThreadPool.processorCount
  }

  private let state = Guarded(State())
  /// Read by spinning workers without the lock.
  private let published = Atomic<Int>(0)

  /// Processors that this process may run on.
  public static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// How many threads share a loop, the caller included; at least 1. Setting 0 means one per processor.
  public var threads: Int {
    get { state.locked { $0.limit } }
    set { state.locked { $0.limit = newValue > 0 ? min(newValue, 256) : Self.processorCount } }
  }

  /// Asked before each iteration of the loops that the calling thread starts; once it says so, the rest is left out.
  ///
  /// What loops write is then worthless: whoever sets this throws the result away.
  @TaskLocal public static var cancellation: Cancellation?

  /// Runs `body(0) ... body(count - 1)`, each once, in any order and at the same time where possible.
  public func forEach(_ count: Int, _ body: (Int) -> Void) {
    let cancellation = Self.cancellation
    if cancellation?.isRequested == true { return }
    withoutActuallyEscaping(body) { escaping in
      guard count > 1, let loop = begin(count, cancellation, escaping) else {
        for i in 0..<count where cancellation?.isRequested != true { body(i) }
        return
      }
      loop.run(publish: { self.publish(loop) }, retract: { self.retract() })
    }
  }

  /// Splits `0 ..< count` in ranges of at least `grain` and runs `body` on each.
  public func forRanges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let pieces = max(1, min((count + grain - 1) / max(grain, 1), threads * 4))
    let size = (count + pieces - 1) / pieces
    forEach((count + size - 1) / size) { body($0 * size..<min(count, ($0 + 1) * size)) }
  }

  /// A loop for the workers, or nil where this caller must run alone. A worker that is late for the last loop may
  /// join this one at once, before it is published.
  private func begin(_ count: Int, _ cancellation: Cancellation?, _ body: @escaping (Int) -> Void) -> Loop? {
    state.locked { state in
      guard state.loop == nil, state.limit > 1 else { return nil }
      while state.workers < state.limit - 1, spawn(index: state.workers) { state.workers += 1 }
      guard state.workers > 0 else { return nil }
      let loop = Loop(count: count, helpers: state.limit - 1, cancellation, body)
      state.loop = loop
      return loop
    }
  }

  private func publish(_ loop: Loop) {
    state.locked { state in
      state.generation += 1
      published.store(state.generation, ordering: .releasing)
    }
    state.wakeAll()
  }

  private func retract() {
    state.locked { $0.loop = nil }
  }

  private func spawn(index: Int) -> Bool {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let status = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        Unmanaged<ThreadPool>.fromOpaque(raw).takeRetainedValue().work()
      }, context.toOpaque())
    if status != 0 { context.release() } else { pthread_detach(thread) }
    return status == 0
  }

  private func work() -> Never {
    // Signals belong to the application's threads.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    var seen = 0
    while true {
      spin { published.load(ordering: .acquiring) == seen }
      let loop: Loop? = state.waiting(while: { $0.generation == seen }) { state in
        seen = state.generation
        guard let loop = state.loop, loop.join() else { return nil }
        return loop
      }
      loop?.help()
    }
  }
}

/// A short wait without sleeping, some 25 to 75 microseconds: loops follow each other sooner than a sleeping thread wakes.
private func spin(while condition: () -> Bool) {
  var turns = 0
  while turns < 2000, condition() {
    mtk_pause()
    turns += 1
  }
}

/// One parallel loop: a counter of iterations and a count of the workers inside.
private final class Loop: @unchecked Sendable {
  private let count: Int
  private let next = Atomic<Int>(0)
  private let places: Atomic<Int>
  /// Workers that are inside: they leave under the gate's lock, the caller also looks without it.
  private let inside = Atomic<Int>(0)
  private let gate = Guarded(())
  /// Cleared after the last worker has left: the caller lends it.
  private var body: ((Int) -> Void)?
  private let cancellation: Cancellation?

  init(count: Int, helpers: Int, _ cancellation: Cancellation?, _ body: @escaping (Int) -> Void) {
    self.count = count
    self.cancellation = cancellation
    self.body = body
    places = Atomic(helpers)
  }

  func run(publish: () -> Void, retract: () -> Void) {
    publish()
    if let body { iterate(body) }
    retract()  // nobody joins from here on
    spin { inside.load(ordering: .acquiring) > 0 }
    gate.waiting(while: { _ in inside.load(ordering: .acquiring) > 0 }) { _ in }
    self.body = nil
  }

  /// Called under the pool's lock.
  func join() -> Bool {
    guard places.wrappingSubtract(1, ordering: .relaxed).newValue >= 0 else { return false }
    inside.wrappingAdd(1, ordering: .relaxed)
    return true
  }

  func help() {
    if let body { iterate(body) }
    gate.locked { _ in inside.wrappingSubtract(1, ordering: .releasing) }
    gate.wakeAll()
  }

  private func iterate(_ body: (Int) -> Void) {
    while true {
      let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard i < count, cancellation?.isRequested != true else { return }
      body(i)
    }
  }
}
