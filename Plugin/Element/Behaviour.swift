// One element, seen from Swift: its properties, its life from READY to PAUSED and back, its cancellation.
import CGStreamer
import CGstMotionTransfer
import MotionTransfer
import Synchronization

/// The Swift half of a GstMotionTransfer. The data flow is in Stream.swift.
///
/// Threads: properties, statistics and the timing behind latency answers are behind mutexes, cancellation is
/// atomic. `stream` is touched under the sink pad's stream lock, or while the pads are inactive. That is
/// GStreamer's own rule for elements, and why the class is Sendable although the compiler cannot see it.
final class Behaviour: Reporting, @unchecked Sendable {
  /// Not retained: it owns this object.
  let element: UnsafeMutablePointer<GstMotionTransfer>
  let settings = Mutex(Settings())
  let statistics = Mutex(Statistics())
  let timing = Mutex(Timing())
  let pool = OutputPool()
  let cues = Cues()
  var stream: Stream?

  private let isStopping = Atomic<Bool>(true)
  private let isFlushing = Atomic<Bool>(false)

  init(_ element: UnsafeMutablePointer<GstMotionTransfer>) {
    self.element = element
  }

  var gstElement: UnsafeMutablePointer<GstElement> {
    UnsafeMutableRawPointer(element).assumingMemoryBound(to: GstElement.self)
  }
  var sinkPad: UnsafeMutablePointer<GstPad> { element.pointee.sinkpad }
  var srcPad: UnsafeMutablePointer<GstPad> { element.pointee.srcpad }

  // MARK: Cancellation

  /// Polled by the engine between pieces of work, from any thread.
  var isCancelled: Bool {
    isStopping.load(ordering: .relaxed) || isFlushing.load(ordering: .relaxed)
  }

  func setFlushing(_ flushing: Bool) {
    isFlushing.store(flushing, ordering: .relaxed)
    pool.setStopped(flushing)
    cues.wake()
  }

  // MARK: Properties

  func set(_ property: UInt32, _ value: UnsafePointer<GValue>) {
    let waits = settings.withLock { $0.set(property, value) }
    if waits, !isStopping.load(ordering: .relaxed) {
      log(GST_LEVEL_INFO, "property \(property) changed while running: it counts from the next start")
    }
  }

  func get(_ property: UInt32, into value: UnsafeMutablePointer<GValue>) {
    if property == GST_MOTION_TRANSFER_PROPERTY_STATS.rawValue {
      g_value_take_boxed(value, statistics.withLock { $0.structure() })
    } else {
      settings.withLock { $0.get(property, into: value) }
    }
  }

  // MARK: States

  /// Whether the change may go on; posts the error when not.
  func beforeStateChange(_ change: GstStateChange) -> Bool {
    switch change {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      do throws(ElementError) {
        try prepare()
      } catch {
        timing.withLock { $0 = Timing() }
        post(error)
        return false
      }
      cues.restart()
      setFlushing(false)
      isStopping.store(false, ordering: .relaxed)
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      // Before GstElement takes the stream lock to deactivate the pads: a running generation holds that lock.
      isStopping.store(true, ordering: .relaxed)
      pool.setStopped(true)
      cues.stop()
    default: break
    }
    return true
  }

  private func prepare() throws(ElementError) {
    let settings = settings.withLock { $0 }
    let plan = try Plan(settings, provider: Generators.provider, expectsText: element.pointee.textpad != nil)
    log(GST_LEVEL_INFO, "clips of \(plan.geometry.frames) frames, \(plan.geometry.width)x\(plan.geometry.height)")
    statistics.withLock { $0 = Statistics() }
    timing.withLock {
      $0 = Timing(geometry: plan.geometry, isPassThrough: plan.task == .learn)
      $0.expected = GstClockTime(settings.processingLatency)
      $0.isOverlapping = settings.concurrency > 1
    }
    // Downstream has started already and knows what it takes.
    let caps = producedCaps()
    defer { gst_caps_unref(caps) }
    if let refusal = refusal(of: caps) { throw refusal }
    stream = Stream(plan, self)
  }

  func afterStateChange(_ change: GstStateChange, _ result: GstStateChangeReturn) {
    let hasStopped = change == GST_STATE_CHANGE_PAUSED_TO_READY
    let didNotStart = change == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE
    if hasStopped || didNotStart {
      isStopping.store(true, ordering: .relaxed)
      stream?.abandonTasks()
      stream = nil
      timing.withLock { $0 = Timing() }
    }
  }
}

/// What caps and latency answers need, from any thread.
struct Timing: Sendable {
  /// Known from READY to PAUSED on.
  var geometry: ClipGeometry?
  /// Frames go on as they come, without waiting for a clip (mode=learn).
  var isPassThrough = false
  /// Of one frame, in nanoseconds; 0 before caps.
  var frameDuration: GstClockTime = 0
  /// Of the last clip, in nanoseconds.
  var generation: GstClockTime = 0
  /// What the application expects of a clip, in nanoseconds; 0: as measured.
  var expected: GstClockTime = 0
  /// Clips are computed while the next ones come in: a clip goes out with a frame that comes in.
  var isOverlapping = false
  /// Upstream is live, as the last latency query said.
  var isLive = false
  /// Running time before which downstream drops frames (QoS).
  var earliest = GstClockTime(cgst_clock_time_none)
  /// What the last LATENCY message was about.
  var announced: GstClockTime = 0

  /// From a clip's first frame in to its first frame out.
  var latency: GstClockTime {
    guard let geometry, !isPassThrough else { return 0 }
    let frames = UInt(geometry.frames + (isOverlapping ? 1 : 0))
    return frames &* frameDuration &+ (expected > 0 ? expected : generation)
  }
}
