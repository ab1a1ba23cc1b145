// Frame rates as GStreamer's fractions.
public import CGStreamer

/// A frame rate: `numerator / denominator` frames a second.
public struct FrameRate: Sendable, Equatable {
  /// Frames in `denominator` seconds, above 0.
  public let numerator: Int32
  /// Above 0.
  public let denominator: Int32

  /// The nearest fraction; `perSecond` is above 0.
  public init(_ perSecond: Double) {
    var numerator: Int32 = 25
    var denominator: Int32 = 1
    gst_util_double_to_fraction(perSecond, &numerator, &denominator)
    self.numerator = max(numerator, 1)
    self.denominator = max(denominator, 1)
  }

  /// Both above 0.
  public init(numerator: Int32, denominator: Int32) {
    self.numerator = max(numerator, 1)
    self.denominator = max(denominator, 1)
  }

  /// What fixed video caps say; nil when they say nothing, or 0/1 (variable).
  public init?(of caps: UnsafePointer<GstCaps>) {
    var numerator: Int32 = 0
    var denominator: Int32 = 0
    guard let structure = gst_caps_get_structure(caps, 0),
      gst_structure_get_fraction(structure, "framerate", &numerator, &denominator) != 0,
      numerator > 0, denominator > 0
    else { return nil }
    self.numerator = numerator
    self.denominator = denominator
  }

  /// Frames a second.
  public var perSecond: Double { Double(numerator) / Double(denominator) }

  /// When frame `index` begins, in nanoseconds after frame 0; the last time there is where that is later.
  public func time(of index: Int) -> GstClockTime {
    // GStreamer multiplies in 128 bits; the factor stays below 2^31 · 10^9.
    gst_util_uint64_scale(UInt(index), UInt(denominator) * 1_000_000_000, UInt(numerator))
  }

  /// The frame that is shown at `time`, in nanoseconds after frame 0.
  public func frame(at time: GstClockTime) -> UInt64 {
    let index = gst_util_uint64_scale(time, UInt(numerator), UInt(denominator) * 1_000_000_000)
    // Rounding down twice may give the frame before.
    return UInt64(index) + (index < UInt(Int.max) && self.time(of: Int(index) + 1) <= time ? 1 : 0)
  }
}
