// The element message `motiontransfer-clip`.
import CGStreamer
import MotionTransfer

/// A clip that is done.
struct ClipReport {
  var clip: UInt64
  var framesIn: Int
  var framesOut: Int
  /// Of the first frame.
  var runningTime: GstClockTime
  /// Nanoseconds.
  var generationTime: UInt64
  var options: Options
  var finalLoss: Double?

  func structure() -> UnsafeMutablePointer<GstStructure>? {
    guard let structure = gst_structure_new_empty("motiontransfer-clip") else { return nil }
    cgst_structure_set_uint64(structure, "clip", UInt(clip))
    cgst_structure_set_uint(structure, "frames-in", UInt32(clamping: framesIn))
    cgst_structure_set_uint(structure, "frames-out", UInt32(clamping: framesOut))
    cgst_structure_set_uint64(structure, "running-time", runningTime)
    cgst_structure_set_uint64(structure, "generation-time", UInt(generationTime))
    cgst_structure_set_uint64(structure, "seed", UInt(options.seed))
    cgst_structure_set_string(structure, "prompt", options.prompt)
    if let finalLoss { cgst_structure_set_double(structure, "final-loss", finalLoss) }
    return structure
  }
}
