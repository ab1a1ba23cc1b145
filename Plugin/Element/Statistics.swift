// The property `stats`.
import CGStreamer

/// What the element has done since it started.
struct Statistics: Sendable {
  var clips: UInt64 = 0
  var framesIn: UInt64 = 0
  var framesOut: UInt64 = 0
  var framesDropped: UInt64 = 0
  /// Nanoseconds.
  var lastGeneration: UInt64 = 0
  /// Nanoseconds over all clips.
  var totalGeneration: UInt64 = 0
  var finalLoss: Double?

  /// A clip is done after `elapsed` nanoseconds.
  mutating func note(_ elapsed: UInt64, _ loss: Double?) {
    clips += 1
    lastGeneration = elapsed
    totalGeneration &+= elapsed
    finalLoss = loss
  }

  func structure() -> UnsafeMutablePointer<GstStructure>? {
    guard let structure = gst_structure_new_empty("motiontransfer-stats") else { return nil }
    cgst_structure_set_uint64(structure, "clips", UInt(clips))
    cgst_structure_set_uint64(structure, "frames-in", UInt(framesIn))
    cgst_structure_set_uint64(structure, "frames-out", UInt(framesOut))
    cgst_structure_set_uint64(structure, "frames-dropped", UInt(framesDropped))
    cgst_structure_set_uint64(structure, "last-generation-time", UInt(lastGeneration))
    cgst_structure_set_uint64(
      structure, "mean-generation-time", UInt(clips == 0 ? 0 : totalGeneration / clips))
    if let finalLoss { cgst_structure_set_double(structure, "final-loss", finalLoss) }
    return structure
  }
}
