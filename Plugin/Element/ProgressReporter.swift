// Progress of one clip, as messages on the bus.
import CGStreamer
import MotionTransfer
import Synchronization

/// Posts PROGRESS messages (code `motion-transfer`) and `motiontransfer-progress` element messages for one
/// clip.
///
/// gst-launch waits while a START is without its end: whoever makes a reporter calls `end` on every path.
final class ProgressReporter: Sendable {
  private static let code = "motion-transfer"
  /// gst-launch prints each CONTINUE.
  private static let pause: UInt64 = 500_000_000

  private let behaviour: Behaviour
  private let clip: UInt64
  private let started: UInt64
  private let lastContinue: Mutex<UInt64>

  init(_ behaviour: Behaviour, clip: UInt64) {
    self.behaviour = behaviour
    self.clip = clip
    started = now()
    lastContinue = Mutex(started)
    post(GST_PROGRESS_TYPE_START, "clip \(clip)")
  }

  /// Since the start, in nanoseconds.
  var elapsed: UInt64 { now() &- started }

  func report(_ progress: Progress) {
    guard let structure = gst_structure_new_empty("motiontransfer-progress") else { return }
    cgst_structure_set_uint64(structure, "clip", UInt(clip))
    cgst_structure_set_string(structure, "stage", progress.stage.rawValue)
    cgst_structure_set_uint(structure, "step", UInt32(clamping: progress.step))
    cgst_structure_set_uint(structure, "steps", UInt32(clamping: progress.steps))
    if let loss = progress.loss { cgst_structure_set_double(structure, "loss", Double(loss)) }
    cgst_structure_set_uint64(structure, "elapsed", UInt(elapsed))
    behaviour.post(structure)
    let time = now()
    let isDue = lastContinue.withLock { last in
      guard time &- last >= ProgressReporter.pause else { return false }
      last = time
      return true
    }
    guard isDue else { return }
    let loss = progress.loss.map { ", loss \($0)" } ?? ""
    post(
      GST_PROGRESS_TYPE_CONTINUE,
      "clip \(clip): \(progress.stage.rawValue) \(progress.step)/\(progress.steps)\(loss)")
  }

  func end(_ type: GstProgressType, _ text: String) {
    post(type, "clip \(clip): \(text)")
  }

  private func post(_ type: GstProgressType, _ text: String) {
    let source = UnsafeMutableRawPointer(behaviour.element).assumingMemoryBound(to: GstObject.self)
    gst_element_post_message(
      behaviour.gstElement, gst_message_new_progress(source, type, ProgressReporter.code, text))
  }
}

extension Behaviour {
  /// Posts an element message; takes `structure`.
  func post(_ structure: UnsafeMutablePointer<GstStructure>) {
    let source = UnsafeMutableRawPointer(element).assumingMemoryBound(to: GstObject.self)
    gst_element_post_message(gstElement, gst_message_new_element(source, structure))
  }
}

/// Monotonic time in nanoseconds.
func now() -> UInt64 { UInt64(gst_util_get_timestamp()) }
