// Caps: any raw video in, RGB of the model's size out, at the input's frame rate.
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

  /// What the sink pad takes: every format and size. The frame rate is downstream's where that has only one,
  /// so that `motiontransfer ! video/x-raw,framerate=8/1` reaches the source. Downstream's size does not
  /// count here: `setCaps` refuses it with a better message than "not negotiated".
  func acceptedCaps() -> UnsafeMutablePointer<GstCaps> {
    let template = gst_pad_get_pad_template_caps(sinkPad)!
    let produced = producedCaps()
    defer { gst_caps_unref(produced) }
    guard let wanted = gst_pad_peer_query_caps(srcPad, produced) else { return template }
    defer { gst_caps_unref(wanted) }
    guard gst_caps_is_empty(wanted) == 0, let rate = FrameRate(of: wanted), gst_caps_get_size(wanted) == 1
    else { return template }
    guard let accepted = gst_caps_copy(template) else { return template }
    gst_caps_unref(template)
    cgst_caps_set_fraction(accepted, "framerate", rate.numerator, rate.denominator)
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

func describe(_ caps: UnsafeMutablePointer<GstCaps>) -> String {
  guard let text = gst_caps_to_string(caps) else { return "unknown caps" }
  defer { g_free(text) }
  return String(cString: text)
}
