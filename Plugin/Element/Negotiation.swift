// Caps: any raw video in, RGB of the model's size out, at the input's frame rate and in its aspect ratio.
import CGStreamer
import CGstMotionTransfer
import Media
import Synchronization

extension Behaviour {
  /// Answers a CAPS query; takes `caps`.
  func answerCaps(_ query: UnsafeMutablePointer<GstQuery>, _ caps: UnsafeMutablePointer<GstCaps>) {
    var filter: UnsafeMutablePointer<GstCaps>?
    gst_query_parse_caps(query, &filter)
    if let filter {
      let both = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST)
      gst_query_set_caps_result(query, both)
      gst_caps_unref(both)
    } else {
      gst_query_set_caps_result(query, caps)
    }
    gst_caps_unref(caps)
  }

  /// What the sink pad takes: every format and size, at the frame rates that downstream takes, so that
  /// `motiontransfer ! video/x-raw,framerate=8/1` reaches the source. Downstream's size does not count here: `setCaps`
  /// refuses it with a better message than "not negotiated".
  func acceptedCaps() -> UnsafeMutablePointer<GstCaps> {
    let template = gst_pad_get_pad_template_caps(sinkPad)!
    let produced = producedCaps()
    defer { gst_caps_unref(produced) }
    guard let wanted = gst_pad_peer_query_caps(srcPad, produced) else { return template }
    defer { gst_caps_unref(wanted) }
    guard gst_caps_is_empty(wanted) == 0, var accepted = gst_caps_new_empty() else { return template }
    for index in 0..<gst_caps_get_size(wanted) {
      guard let rates = gst_structure_get_value(gst_caps_get_structure(wanted, index), "framerate"),
        let these = gst_caps_copy(template)
      else {
        gst_caps_unref(accepted)
        return template
      }
      gst_caps_set_value(these, "framerate", rates)
      accepted = gst_caps_merge(accepted, these)
    }
    gst_caps_unref(template)
    return accepted
  }

  /// What the src pad can give: the template with the size as far as it is known. The frame rate stays open,
  /// since the input may change it.
  func producedCaps() -> UnsafeMutablePointer<GstCaps> {
    let template = gst_pad_get_pad_template_caps(srcPad)!
    let (width, height) = knownSize
    guard width > 0 || height > 0, let caps = gst_caps_copy(template) else { return template }
    gst_caps_unref(template)
    if width > 0 { cgst_caps_set_int(caps, "width", Int32(width)) }
    if height > 0 { cgst_caps_set_int(caps, "height", Int32(height)) }
    return caps
  }

  /// The model's size once started, before that the properties'; 0 is unknown.
  private var knownSize: (Int, Int) {
    if let geometry = timing.withLock({ $0.geometry }) { return (geometry.width, geometry.height) }
    return settings.withLock { (Int($0.width), Int($0.height)) }
  }

  /// Gives `caps`, which are writable, the pixel aspect ratio that downstream takes and that is nearest to theirs.
  func settleAspectRatio(_ caps: UnsafeMutablePointer<GstCaps>) throws(Interruption) {
    guard let refusal = refusal(of: caps) else { return }
    let field = "pixel-aspect-ratio"
    let structure = gst_caps_get_structure(caps, 0)
    var (numerator, denominator) = (Int32(1), Int32(1))
    gst_structure_get_fraction(structure, field, &numerator, &denominator)
    gst_structure_remove_field(structure, field)
    guard let wanted = gst_pad_peer_query_caps(srcPad, caps) else { throw .failed(refusal) }
    let taken = gst_caps_is_empty(wanted) != 0 ? nil : gst_structure_copy(gst_caps_get_structure(wanted, 0))
    // Before `caps` change: these may be the same.
    gst_caps_unref(wanted)
    guard let taken else { throw .failed(refusal) }
    defer { gst_structure_free(taken) }
    gst_structure_fixate_field_nearest_fraction(taken, field, numerator, denominator)
    guard gst_structure_get_fraction(taken, field, &numerator, &denominator) != 0 else { throw .failed(refusal) }
    cgst_caps_set_fraction(caps, field, numerator, denominator)
    log(GST_LEVEL_INFO, "downstream shows pixels of \(numerator):\(denominator)")
  }

  /// Why downstream does not take `caps`; nil when it does. An unlinked pad takes all.
  func refusal(of caps: UnsafeMutablePointer<GstCaps>) -> ElementError? {
    guard let both = gst_pad_peer_query_caps(srcPad, caps) else { return nil }
    defer { gst_caps_unref(both) }
    guard gst_caps_is_empty(both) != 0 else { return nil }
    let wanted = gst_pad_peer_query_caps(srcPad, nil)
    defer { if let wanted { gst_caps_unref(wanted) } }
    return .stream(
      GST_STREAM_ERROR_FORMAT,
      "downstream takes \(wanted.map { describe($0) } ?? "nothing"), this element gives \(describe(caps)); "
        + "put videoconvert ! videoscale ! videorate behind it, or set width and height")
  }
}

/// RGB for clips of `geometry` made from frames with `caps`, which are fixed raw video: at their frame rate, with pixels
/// of the shape that shows the clip in their aspect ratio.
func outputInfo(_ geometry: ClipGeometry, from caps: UnsafeMutablePointer<GstCaps>) -> GstVideoInfo {
  let (width, height) = (Int32(geometry.width), Int32(geometry.height))
  var (input, output) = (GstVideoInfo(), GstVideoInfo())
  gst_video_info_from_caps(&input, caps)
  gst_video_info_set_format(&output, GST_VIDEO_FORMAT_RGB, UInt32(width), UInt32(height))
  // Where the rate varies, that is the most that it may be, or 0.
  output.fps_n = input.fps_n
  output.fps_d = input.fps_d
  if input.flags.rawValue & GST_VIDEO_FLAG_VARIABLE_FPS.rawValue != 0 { output.flags = GST_VIDEO_FLAG_VARIABLE_FPS }
  var (numerator, denominator) = (Int32(1), Int32(1))
  // False where the numbers grow too large: such shapes are none that could be shown.
  if input.par_n > 0, input.par_d > 0, input.width > 0, input.height > 0,
    gst_util_fraction_multiply(input.width, input.height, input.par_n, input.par_d, &numerator, &denominator) != 0,
    gst_util_fraction_multiply(numerator, denominator, height, width, &numerator, &denominator) != 0
  {
    output.par_n = numerator
    output.par_d = denominator
  }
  return output
}

func describe(_ caps: UnsafeMutablePointer<GstCaps>) -> String {
  guard let text = gst_caps_to_string(caps) else { return "unknown caps" }
  defer { g_free(text) }
  return String(cString: text)
}
