// What Plugin/Shell calls: each function finds the Swift object and hands on.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation

// The names and what they mean stand in gstmotiontransfer.h.
public import CGStreamer
public import CGstMotionTransfer

private func behaviour(_ pointer: gpointer) -> Behaviour {
  Unmanaged<Behaviour>.fromOpaque(pointer).takeUnretainedValue()
}

@c @implementation
public func gst_motion_transfer_behaviour_new(_ element: UnsafeMutablePointer<GstMotionTransfer>!)
  -> gpointer!
{
  Unmanaged.passRetained(Behaviour(element)).toOpaque()
}

@c @implementation
public func gst_motion_transfer_behaviour_free(_ pointer: gpointer!) {
  Unmanaged<Behaviour>.fromOpaque(pointer).release()
}

@c @implementation
public func gst_motion_transfer_set_property(
  _ pointer: gpointer!, _ property: guint, _ value: UnsafePointer<GValue>!
) {
  behaviour(pointer).set(property, value)
}

@c @implementation
public func gst_motion_transfer_get_property(
  _ pointer: gpointer!, _ property: guint, _ value: UnsafeMutablePointer<GValue>!
) {
  behaviour(pointer).get(property, into: value)
}

@c @implementation
public func gst_motion_transfer_before_state_change(_ pointer: gpointer!, _ change: GstStateChange)
  -> gboolean
{
  behaviour(pointer).beforeStateChange(change) ? 1 : 0
}

@c @implementation
public func gst_motion_transfer_after_state_change(
  _ pointer: gpointer!, _ change: GstStateChange, _ result: GstStateChangeReturn
) {
  behaviour(pointer).afterStateChange(change, result)
}

@c @implementation
public func gst_motion_transfer_chain(
  _ pointer: gpointer!, _ buffer: UnsafeMutablePointer<GstBuffer>!
) -> GstFlowReturn {
  behaviour(pointer).chain(buffer)
}

@c @implementation
public func gst_motion_transfer_sink_event(
  _ pointer: gpointer!, _ event: UnsafeMutablePointer<GstEvent>!
) -> gboolean {
  behaviour(pointer).handleSinkEvent(event) ? 1 : 0
}

@c @implementation
public func gst_motion_transfer_src_event(
  _ pointer: gpointer!, _ event: UnsafeMutablePointer<GstEvent>!
) -> gboolean {
  behaviour(pointer).handleSrcEvent(event) ? 1 : 0
}

@c @implementation
public func gst_motion_transfer_sink_query(
  _ pointer: gpointer!, _ query: UnsafeMutablePointer<GstQuery>!
) -> gboolean {
  behaviour(pointer).handleSinkQuery(query) ? 1 : 0
}

@c @implementation
public func gst_motion_transfer_src_query(
  _ pointer: gpointer!, _ query: UnsafeMutablePointer<GstQuery>!
) -> gboolean {
  behaviour(pointer).handleSrcQuery(query) ? 1 : 0
}

@c @implementation
public func gst_motion_transfer_text_linked(_ pointer: gpointer!, _ linked: gboolean) {
  behaviour(pointer).cues.setLinked(linked != 0)
}

@c @implementation
public func gst_motion_transfer_text_chain(
  _ pointer: gpointer!, _ buffer: UnsafeMutablePointer<GstBuffer>!
) -> GstFlowReturn {
  defer { gst_buffer_unref(buffer) }
  return behaviour(pointer).cues.receive(buffer)
}

@c @implementation
public func gst_motion_transfer_text_event(
  _ pointer: gpointer!, _ event: UnsafeMutablePointer<GstEvent>!
) -> gboolean {
  defer { gst_event_unref(event) }
  behaviour(pointer).cues.handle(event)
  return 1
}
