// What Plugin/Shell/source.c calls: each function finds the Swift object and hands on.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation

// The names and what they mean stand in gstmotiontransfer.h.
public import CGStreamer
public import CGstMotionTransfer
import Media

private func source(_ pointer: gpointer) -> GeneratorSource {
  Unmanaged<GeneratorSource>.fromOpaque(pointer).takeUnretainedValue()
}

@c @implementation
public func gst_motion_generate_src_new(_ element: UnsafeMutablePointer<GstMotionGenerateSrc>!) -> gpointer! {
  Unmanaged.passRetained(GeneratorSource(element)).toOpaque()
}

@c @implementation
public func gst_motion_generate_src_free(_ pointer: gpointer!) {
  Unmanaged<GeneratorSource>.fromOpaque(pointer).release()
}

@c @implementation
public func gst_motion_generate_src_set_property(
  _ pointer: gpointer!, _ property: guint, _ value: UnsafePointer<GValue>!
) {
  source(pointer).set(property, value)
}

@c @implementation
public func gst_motion_generate_src_get_property(
  _ pointer: gpointer!, _ property: guint, _ value: UnsafeMutablePointer<GValue>!
) {
  source(pointer).get(property, into: value)
}

@c @implementation
public func gst_motion_generate_src_start(_ pointer: gpointer!) -> gboolean {
  source(pointer).start() ? 1 : 0
}

@c @implementation
public func gst_motion_generate_src_stop(_ pointer: gpointer!) -> gboolean {
  source(pointer).stop()
  return 1
}

@c @implementation
public func gst_motion_generate_src_unlock(_ pointer: gpointer!, _ lockedOut: gboolean) -> gboolean {
  source(pointer).lockOut(lockedOut != 0)
  return 1
}

@c @implementation
public func gst_motion_generate_src_seek(
  _ pointer: gpointer!, _ segment: UnsafeMutablePointer<GstSegment>!
) -> gboolean {
  source(pointer).seek(segment) ? 1 : 0
}

@c @implementation
public func gst_motion_generate_src_get_caps(_ pointer: gpointer!) -> UnsafeMutablePointer<GstCaps>! {
  source(pointer).caps()
}

@c @implementation
public func gst_motion_generate_src_set_caps(
  _ pointer: gpointer!, _ caps: UnsafeMutablePointer<GstCaps>!
) -> gboolean {
  source(pointer).setCaps(caps) ? 1 : 0
}

@c @implementation
public func gst_motion_generate_src_frame_rate(
  _ pointer: gpointer!, _ numerator: UnsafeMutablePointer<gint>!, _ denominator: UnsafeMutablePointer<gint>!
) {
  let rate = source(pointer).preferredFrameRate()
  numerator.pointee = rate.numerator
  denominator.pointee = rate.denominator
}

@c @implementation
public func gst_motion_generate_src_fill(
  _ pointer: gpointer!, _ buffer: UnsafeMutablePointer<GstBuffer>!
) -> GstFlowReturn {
  source(pointer).fill(buffer)
}
