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

  /// When frame `index` begins, in nanoseconds after frame 0.
  public func time(of index: Int) -> GstClockTime {
    // numerator and denominator come from caps: up to 2^31 each, so that the product needs GStreamer's 128
    // bits.
    gst_util_uint64_scale(UInt(index) * UInt(denominator), 1_000_000_000, UInt(numerator))
  }
}
