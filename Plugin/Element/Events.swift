// Events and queries of both pads.
import CGStreamer
import CGstMotionTransfer
import MotionTransfer
import Synchronization

extension Behaviour {
  /// Runs `body` on the stream, and turns what interrupts it into messages and a flow return.
  private func streaming(_ body: (Stream) throws(Interruption) -> Void) -> GstFlowReturn {
    guard let stream, !isCancelled else { return GST_FLOW_FLUSHING }
    do throws(Interruption) {
      try body(stream)
      return GST_FLOW_OK
    } catch {
      switch error {
      case .flow(let flow): return flow
      case .failed(let error):
        stream.hasFailed = true
        stream.abandonTasks()
        post(error)
        return GST_FLOW_ERROR
      }
    }
  }

  /// Takes `buffer`.
  func chain(_ buffer: UnsafeMutablePointer<GstBuffer>) -> GstFlowReturn {
    defer { gst_buffer_unref(buffer) }
    return streaming { (stream) throws(Interruption) in
      if stream.hasFailed { throw .flow(GST_FLOW_ERROR) }
      try stream.receive(buffer)
    }
  }

  /// Takes `event`.
  func handleSinkEvent(_ event: UnsafeMutablePointer<GstEvent>) -> Bool {
    switch cgst_event_type(event) {
    case GST_EVENT_FLUSH_START:
      // Comes outside the stream lock, which a running generation holds: cancel it.
      setFlushing(true)
    case GST_EVENT_FLUSH_STOP:
      // Comes with the stream lock: the chain function has returned.
      stream?.reset()
      timing.withLock { $0.earliest = GstClockTime(cgst_clock_time_none) }
      setFlushing(false)
    case GST_EVENT_CAPS:
      defer { gst_event_unref(event) }
      return streaming { (stream) throws(Interruption) in
        var caps: UnsafeMutablePointer<GstCaps>?
        gst_event_parse_caps(event, &caps)
        if let caps { try stream.setCaps(caps) }
      } == GST_FLOW_OK
    case GST_EVENT_SEGMENT, GST_EVENT_STREAM_START:
      let flow = streaming { (stream) throws(Interruption) in
        try stream.drain()
        if cgst_event_type(event) == GST_EVENT_SEGMENT { try stream.setSegment(event) }
      }
      guard flow == GST_FLOW_OK else {
        gst_event_unref(event)
        return false
      }
    case GST_EVENT_EOS, GST_EVENT_SEGMENT_DONE:
      // Even an EOS before caps or frames goes on, so that the pipeline ends. After an error it does not: upstream
      // sends one, and a muxer would make a broken clip look whole.
      let flow = streaming { (stream) throws(Interruption) in
        if stream.hasFailed { throw .flow(GST_FLOW_ERROR) }
        try stream.finish()
      }
      guard flow == GST_FLOW_OK else {
        gst_event_unref(event)
        return false
      }
    case GST_EVENT_GAP where stream?.isInsideWindow ?? false:
      // The frames around it have not gone out yet, and their times show the gap.
      gst_event_unref(event)
      return true
    default:
      guard cgst_event_is_serialized(event) != 0, let stream, stream.isHoldingFrames else { break }
      stream.hold(Held(event))
      return true
    }
    return gst_pad_event_default(sinkPad, gstObject, event) != 0
  }

  /// Takes `event`.
  func handleSrcEvent(_ event: UnsafeMutablePointer<GstEvent>) -> Bool {
    switch cgst_event_type(event) {
    case GST_EVENT_QOS:
      // Lateness comes from generation. If decoders skipped frames for it, clips would move differently.
      noteLateness(event)
      gst_event_unref(event)
      return true
    case GST_EVENT_SEEK where isBackwards(event):
      // Clips move forwards. Who asks can go on; the segment that would come of it could only be an error.
      log(GST_LEVEL_INFO, "a seek that plays backwards is refused")
      gst_event_unref(event)
      return false
    default:
      return gst_pad_event_default(srcPad, gstObject, event) != 0
    }
  }

  private func isBackwards(_ seek: UnsafeMutablePointer<GstEvent>) -> Bool {
    var rate = 1.0
    gst_event_parse_seek(seek, &rate, nil, nil, nil, nil, nil, nil)
    return rate < 0
  }

  /// When downstream will be ready for a frame, as GstVideoDecoder reckons: twice as late as the last one was.
  private func noteLateness(_ event: UnsafeMutablePointer<GstEvent>) {
    var jitter: GstClockTimeDiff = 0
    var time: GstClockTime = 0
    gst_event_parse_qos(event, nil, nil, &jitter, &time)
    let none = GstClockTime(cgst_clock_time_none)
    guard time != none else { return timing.withLock { $0.earliest = none } }
    // Outside values: any jitter may come.
    let late = jitter > 0 ? jitter.multipliedReportingOverflow(by: 2).partialValue : jitter
    let earliest = Int(clamping: time).addingReportingOverflow(Int(late))
    timing.withLock { $0.earliest = earliest.overflow ? none : GstClockTime(max(earliest.partialValue, 0)) }
  }

  func handleSinkQuery(_ query: UnsafeMutablePointer<GstQuery>) -> Bool {
    switch cgst_query_type(query) {
    case GST_QUERY_CAPS:
      answerCaps(query, acceptedCaps())
      return true
    case GST_QUERY_ALLOCATION:
      proposeAllocation(query)
      return true
    default:
      return gst_pad_query_default(sinkPad, gstObject, query) != 0
    }
  }

  func handleSrcQuery(_ query: UnsafeMutablePointer<GstQuery>) -> Bool {
    switch cgst_query_type(query) {
    case GST_QUERY_CAPS:
      answerCaps(query, producedCaps())
      return true
    case GST_QUERY_LATENCY:
      return answerLatency(query)
    default:
      return gst_pad_query_default(srcPad, gstObject, query) != 0
    }
  }

  /// No frame is kept, so any memory will do; any stride and offset that a GstVideoMeta states is read in place.
  private func proposeAllocation(_ query: UnsafeMutablePointer<GstQuery>) {
    var caps: UnsafeMutablePointer<GstCaps>?
    var needsPool: gboolean = 0
    gst_query_parse_allocation(query, &caps, &needsPool)
    var info = GstVideoInfo()
    if needsPool != 0, let caps, gst_video_info_from_caps(&info, caps) != 0, let pool = gst_video_buffer_pool_new() {
      let size = guint(clamping: info.size)
      let config = gst_buffer_pool_get_config(pool)
      gst_buffer_pool_config_set_params(config, caps, size, 0, 0)
      if gst_buffer_pool_set_config(pool, config) != 0 {
        gst_query_add_allocation_pool(query, pool, size, 0, 0)
      }
      gst_object_unref(pool)
    }
    gst_query_add_allocation_meta(query, cgst_video_meta_api(), nil)
  }

  private func answerLatency(_ query: UnsafeMutablePointer<GstQuery>) -> Bool {
    // GStreamer folds what all that is linked upstream says: the text may come from something live and slow, too.
    guard gst_pad_query_default(srcPad, gstObject, query) != 0 else { return false }
    var isLive: gboolean = 0
    var least: GstClockTime = 0
    var most: GstClockTime = 0
    gst_query_parse_latency(query, &isLive, &least, &most)
    let own = timing.withLock { timing in
      timing.isLive = isLive != 0
      return timing.latency
    }
    // GST_CLOCK_TIME_NONE as the most means "no limit".
    let none = GstClockTime(cgst_clock_time_none)
    gst_query_set_latency(query, isLive, least &+ own, most == none ? none : most &+ own)
    return true
  }

  /// Tells the pipeline when the latency has moved by more than a quarter since it was last told.
  func announceLatency() {
    let isDue = timing.withLock { timing in
      let latency = timing.latency
      let change = latency > timing.announced ? latency - timing.announced : timing.announced - latency
      guard change > timing.announced / 4 else { return false }
      timing.announced = latency
      return true
    }
    guard isDue else { return }
    gst_element_post_message(gstElement, gst_message_new_latency(gstObject))
  }
}
