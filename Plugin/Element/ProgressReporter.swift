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

  private let element: any Reporting
  private let clip: UInt64
  private let started: UInt64
  private let lastContinue: Mutex<UInt64>

  init(_ element: any Reporting, clip: UInt64) {
    self.element = element
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
    element.post(structure)
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

  /// Posts an element message of this clip; takes `structure`.
  func finish(_ structure: UnsafeMutablePointer<GstStructure>, step: Int) {
    cgst_structure_set_uint64(structure, "clip", UInt(clip))
    cgst_structure_set_uint(structure, "step", UInt32(clamping: step))
    element.post(structure)
  }

  func end(_ type: GstProgressType, _ text: String) {
    post(type, "clip \(clip): \(text)")
  }

  private func post(_ type: GstProgressType, _ text: String) {
    gst_element_post_message(
      element.gstElement, gst_message_new_progress(element.gstObject, type, ProgressReporter.code, text))
  }
}

/// Monotonic time in nanoseconds.
func now() -> UInt64 { UInt64(gst_util_get_timestamp()) }
