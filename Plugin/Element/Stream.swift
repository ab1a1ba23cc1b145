// The data flow: frames gather to clips, clips become new frames with the input's times.
import CGStreamer
import CGstMotionTransfer
import Media
import MotionTransfer
import Synchronization

/// One run of the element, from READY to PAUSED and back. Used under the sink pad's stream lock only.
final class Stream {
  let plan: Plan
  unowned let behaviour: Behaviour
  // Kept over flushes and caps changes.
  var generator: (any ClipGenerator)?
  var motion: (any LearnedMotion)?
  /// Whether the first clip's work is done: the model is loaded, the motion read or learned.
  var isPrepared = false
  // Since the last flush.
  /// An error was posted: nothing more comes out of this stream.
  var hasFailed = false
  var clip: UInt64 = 0
  var window = Window()
  /// Clips that are being computed, in the order of their frames.
  var tasks: [ClipTask] = []
  /// Events that the sink pad has taken and downstream has not seen yet, in the order in which they came.
  private var unsent: [Held] = []
  private var segment = GstSegment()
  private var nextTime: GstClockTime = 0
  /// Whether the next frame does not follow the last one that went out.
  var isDiscontinuous = true
  private var framesPushed: UInt = 0
  // From caps.
  private var format: Format?

  struct Format {
    let caps: String
    let converter: FrameConverter
    let frameRate: FrameRate
    var output: GstVideoInfo
  }

  init(_ plan: Plan, _ behaviour: Behaviour) {
    self.plan = plan
    self.behaviour = behaviour
    gst_segment_init(&segment, GST_FORMAT_TIME)
  }

  var frameSize: Int { plan.geometry.width * plan.geometry.height * 3 }
  var frameRate: FrameRate { format?.frameRate ?? FrameRate(25) }

  /// Whether a clip is filling.
  var isInsideWindow: Bool { plan.task != .learn && window.count > 0 }
  /// Whether frames that came in have not gone out yet: what comes between them waits with them.
  var isHoldingFrames: Bool { isInsideWindow || !tasks.isEmpty }

  /// After a flush: as at the start, except for what is loaded or learned.
  func reset() {
    abandonTasks()
    hasFailed = false
    clip = 0
    window.clear()
    // Nobody sends these again: the sink pad keeps them, so the src pad must.
    for event in unsent where cgst_event_outlasts_flush(event.event) != 0 {
      gst_pad_store_sticky_event(behaviour.srcPad, event.event)
    }
    unsent.removeAll()
    gst_segment_init(&segment, GST_FORMAT_TIME)
    nextTime = 0
    framesPushed = 0
    isDiscontinuous = true
  }

  // MARK: Events that wait with the frames

  func hold(_ event: Held) {
    unsent.append(event)
    window.hold(event)
  }

  func send(_ event: Held) {
    unsent.removeAll { $0 === event }
    gst_pad_push_event(behaviour.srcPad, event.newEvent())
  }

  // MARK: Caps and segment

  func setCaps(_ caps: UnsafeMutablePointer<GstCaps>) throws(Interruption) {
    let text = describe(caps)
    if text == format?.caps { return }
    try drain()
    let geometry = plan.geometry
    do throws(FrameError) {
      let converter = try FrameConverter(from: caps, width: geometry.width, height: geometry.height)
      let output = outputInfo(geometry, from: caps)
      let rate = output.fps_n > 0 ? FrameRate(numerator: output.fps_n, denominator: output.fps_d) : FrameRate(25)
      format = Format(caps: text, converter: converter, frameRate: rate, output: output)
    } catch {
      throw .failed(.stream(GST_STREAM_ERROR_FORMAT, error.message))
    }
    if FrameRate(of: caps) == nil {
      behaviour.warn(
        .stream(
          GST_STREAM_ERROR_FORMAT,
          "the input states no frame rate: its frames keep their times, and the model takes them as \(frameRate.perSecond) "
            + "a second; put videorate in front"))
    }
    if let mode = format?.converter.interlaceMode, plan.task != .apply {
      behaviour.warn(
        .stream(
          GST_STREAM_ERROR_FORMAT,
          "the input is interlaced (\(mode)): each frame is taken as one picture; put deinterlace in front"))
    }
    try negotiate()
    behaviour.timing.withLock { $0.frameDuration = frameRate.time(of: 1) }
    behaviour.announceLatency()
  }

  /// Tells downstream the format and asks how it wants its memory; again whenever it sent RECONFIGURE.
  private func negotiate() throws(Interruption) {
    guard var info = format?.output else { return }
    gst_pad_check_reconfigure(behaviour.srcPad)
    guard let caps = gst_video_info_to_caps(&info) else {
      throw .failed(.core(GST_CORE_ERROR_NEGOTIATION, "no caps for \(info.width)x\(info.height) RGB"))
    }
    defer { gst_caps_unref(caps) }
    try behaviour.settleAspectRatio(caps)
    let current = gst_pad_get_current_caps(behaviour.srcPad)
    defer { if let current { gst_caps_unref(current) } }
    let isNew = current.map { gst_caps_is_equal($0, caps) == 0 } ?? true
    if isNew, gst_pad_push_event(behaviour.srcPad, gst_event_new_caps(caps)) == 0 {
      throw .flow(behaviour.isCancelled ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED)
    }
    guard behaviour.pool.negotiate(behaviour.srcPad, caps, size: Int(info.size)) else {
      throw .failed(.resource(GST_RESOURCE_ERROR_SETTINGS, "no buffer pool for \(describe(caps))"))
    }
    behaviour.log(GST_LEVEL_DEBUG, "negotiated \(describe(caps))")
  }

  func setSegment(_ event: UnsafeMutablePointer<GstEvent>) throws(Interruption) {
    var new: UnsafePointer<GstSegment>?
    gst_event_parse_segment(event, &new)
    guard let new else { return }
    guard new.pointee.format == GST_FORMAT_TIME else {
      throw .failed(
        .stream(
          GST_STREAM_ERROR_FORMAT,
          "found a segment in \(String(cString: gst_format_get_name(new.pointee.format))), expected one in time"
        ))
    }
    guard new.pointee.rate > 0 else {
      throw .failed(
        .stream(GST_STREAM_ERROR_NOT_IMPLEMENTED, "found a segment that plays backwards, expected forwards"))
    }
    segment = new.pointee
    nextTime = segment.start
    isDiscontinuous = true
  }

  func runningTime(_ time: GstClockTime) -> GstClockTime {
    gst_segment_to_running_time(&segment, GST_FORMAT_TIME, inSegment(time))
  }

  func streamTime(_ time: GstClockTime) -> GstClockTime {
    gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, inSegment(time))
  }

  /// The first and the last frame may reach over the segment's ends, where there is no other time.
  private func inSegment(_ time: GstClockTime) -> GstClockTime { min(max(time, segment.start), segment.stop) }

  // MARK: Frames in

  func receive(_ buffer: UnsafeMutablePointer<GstBuffer>) throws(Interruption) {
    guard let format else {
      throw .failed(
        .core(
          GST_CORE_ERROR_NEGOTIATION,
          "found a frame before its format, expected caps first; put a parser or a capsfilter in front"))
    }
    let none = GstClockTime(cgst_clock_time_none)
    let hasTime = buffer.pointee.pts != none
    let time = hasTime ? buffer.pointee.pts : nextTime
    let duration = buffer.pointee.duration == none ? nil : buffer.pointee.duration
    let length = duration ?? format.frameRate.time(of: 1)
    nextTime = time &+ length
    // Frames outside the segment, as after an accurate seek, would never be shown.
    if hasTime, gst_segment_clip(&segment, GST_FORMAT_TIME, time, time &+ length, nil, nil) == 0 { return }
    behaviour.statistics.withLock { $0.framesIn += 1 }
    let frame = Window.Frame(
      pts: time, duration: duration,
      isDiscontinuous: buffer.pointee.mini_object.flags & GST_BUFFER_FLAG_DISCONT.rawValue != 0,
      metas: lastingMetas(of: buffer))
    if plan.task == .learn {
      try passThrough(buffer, format, frame)
    } else {
      try gather(buffer, format, frame)
    }
    if window.count == plan.geometry.frames {
      try finishClip(frames: window.count)
    } else {
      try deliverEnded()
    }
  }

  private func lastingMetas(of buffer: UnsafeMutablePointer<GstBuffer>) -> Held? {
    guard cgst_has_lasting_metas(buffer) != 0, let carrier = gst_buffer_new() else { return nil }
    cgst_copy_lasting_metas(carrier, buffer)
    return Held(carrier)
  }

  private func gather(_ buffer: UnsafeMutablePointer<GstBuffer>, _ format: Format, _ frame: Window.Frame)
    throws(Interruption)
  {
    do throws(FrameError) {
      if plan.task == .learnAndApply, motion == nil {
        try format.converter.convert(buffer, appendingTo: &window.pixels)
      } else {
        // Only the timing of the input counts.
        try format.converter.check(buffer)
      }
    } catch {
      throw .failed(.stream(GST_STREAM_ERROR_FORMAT, error.message))
    }
    window.add(frame)
  }

  private func passThrough(
    _ buffer: UnsafeMutablePointer<GstBuffer>, _ format: Format, _ frame: Window.Frame
  ) throws(Interruption) {
    var pixels: [UInt8] = []
    do throws(FrameError) {
      try format.converter.convert(buffer, appendingTo: &pixels)
    } catch {
      throw .failed(.stream(GST_STREAM_ERROR_FORMAT, error.message))
    }
    if motion == nil {
      window.pixels.append(contentsOf: pixels)
      window.add(frame)
    }
    try push(pixels[...], as: frame)
  }

  // MARK: Frames out

  func push(_ pixels: ArraySlice<UInt8>, as frame: Window.Frame) throws(Interruption) {
    if gst_pad_check_reconfigure(behaviour.srcPad) != 0 { try negotiate() }
    guard var info = format?.output else { return }
    let buffer = try behaviour.pool.frame(pixels, &info)
    buffer.pointee.pts = frame.pts
    buffer.pointee.dts = GstClockTime(cgst_clock_time_none)
    buffer.pointee.duration = frame.duration ?? frameRate.time(of: 1)
    buffer.pointee.offset = framesPushed
    buffer.pointee.offset_end = framesPushed &+ 1
    if isDiscontinuous || frame.isDiscontinuous {
      buffer.pointee.mini_object.flags |= GST_BUFFER_FLAG_DISCONT.rawValue
    }
    if let metas = frame.metas { cgst_copy_lasting_metas(buffer, metas.buffer) }
    isDiscontinuous = false
    framesPushed &+= 1
    let flow = gst_pad_push(behaviour.srcPad, buffer)
    guard flow == GST_FLOW_OK else { throw .flow(flow) }
    behaviour.statistics.withLock { $0.framesOut += 1 }
  }
}
