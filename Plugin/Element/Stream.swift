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
  // Since the last flush.
  /// An error was posted: nothing more comes out of this stream.
  var hasFailed = false
  var clip: UInt64 = 0
  var window = Window()
  private var segment = GstSegment()
  private var nextTime: GstClockTime = 0
  private var isDiscontinuous = true
  private var framesPushed: UInt = 0
  // From caps.
  private var format: Format?

  struct Format {
    let caps: String
    let converter: FrameConverter
    let frameRate: FrameRate
    let output: GstVideoInfo
  }

  init(_ plan: Plan, _ behaviour: Behaviour) {
    self.plan = plan
    self.behaviour = behaviour
    gst_segment_init(&segment, GST_FORMAT_TIME)
  }

  var frameSize: Int { plan.geometry.width * plan.geometry.height * 3 }
  var frameRate: FrameRate { format?.frameRate ?? FrameRate(25) }
  /// Whether frames wait for their clip to fill.
  var isInsideClip: Bool { plan.task != .learn && window.count > 0 }

  /// After a flush: as at the start, except for what is loaded or learned.
  func reset() {
    hasFailed = false
    clip = 0
    window.clear()
    gst_segment_init(&segment, GST_FORMAT_TIME)
    nextTime = 0
    framesPushed = 0
    isDiscontinuous = true
  }

  // MARK: Caps and segment

  func setCaps(_ caps: UnsafeMutablePointer<GstCaps>) throws(Interruption) {
    let text = describe(caps)
    if text == format?.caps { return }
    try drain()
    let rate = FrameRate(of: caps)
    if rate == nil {
      behaviour.warn(
        .stream(
          GST_STREAM_ERROR_FORMAT,
          "the input states no frame rate: clips play at 25 frames a second; put videorate in front"))
    }
    let geometry = plan.geometry
    var info = GstVideoInfo()
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, UInt32(geometry.width), UInt32(geometry.height))
    info.fps_n = (rate ?? FrameRate(25)).numerator
    info.fps_d = (rate ?? FrameRate(25)).denominator
    do throws(FrameError) {
      let converter = try FrameConverter(from: caps, width: geometry.width, height: geometry.height)
      format = Format(caps: text, converter: converter, frameRate: rate ?? FrameRate(25), output: info)
    } catch {
      throw .failed(.stream(GST_STREAM_ERROR_FORMAT, error.message))
    }
    try pushCaps(&info)
    behaviour.timing.withLock { $0.frameDuration = frameRate.time(of: 1) }
    behaviour.announceLatency()
  }

  private func pushCaps(_ info: inout GstVideoInfo) throws(Interruption) {
    guard let caps = gst_video_info_to_caps(&info) else {
      throw .failed(.core(GST_CORE_ERROR_NEGOTIATION, "no caps for \(info.width)x\(info.height) RGB"))
    }
    defer { gst_caps_unref(caps) }
    if let refusal = behaviour.refusal(of: caps) { throw .failed(refusal) }
    let current = gst_pad_get_current_caps(behaviour.srcPad)
    defer { if let current { gst_caps_unref(current) } }
    if let current, gst_caps_is_equal(current, caps) != 0 { return }
    guard gst_pad_push_event(behaviour.srcPad, gst_event_new_caps(caps)) != 0 else {
      throw .flow(GST_FLOW_NOT_NEGOTIATED)
    }
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
    isDiscontinuous = true
  }

  func runningTime(_ time: GstClockTime) -> GstClockTime {
    gst_segment_to_running_time(&segment, GST_FORMAT_TIME, time)
  }

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
    let duration = buffer.pointee.duration == none ? format.frameRate.time(of: 1) : buffer.pointee.duration
    nextTime = time &+ duration
    // Frames outside the segment, as after an accurate seek, would never be shown.
    if hasTime, gst_segment_clip(&segment, GST_FORMAT_TIME, time, time &+ duration, nil, nil) == 0 { return }
    behaviour.statistics.withLock { $0.framesIn += 1 }
    if plan.task == .learn {
      try passThrough(buffer, format, time, duration)
    } else {
      try gather(buffer, format, time)
    }
    if window.count == plan.geometry.frames { try finishClip(frames: window.count) }
  }

  private func gather(_ buffer: UnsafeMutablePointer<GstBuffer>, _ format: Format, _ time: GstClockTime)
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
    window.add(at: time)
  }

  private func passThrough(
    _ buffer: UnsafeMutablePointer<GstBuffer>, _ format: Format, _ time: GstClockTime,
    _ duration: GstClockTime
  ) throws(Interruption) {
    var pixels: [UInt8] = []
    do throws(FrameError) {
      try format.converter.convert(buffer, appendingTo: &pixels)
    } catch {
      throw .failed(.stream(GST_STREAM_ERROR_FORMAT, error.message))
    }
    if motion == nil {
      window.pixels.append(contentsOf: pixels)
      window.add(at: time)
    }
    try push(pixels[...], at: time, for: duration)
  }

  // MARK: Frames out

  func push(_ pixels: ArraySlice<UInt8>, at time: GstClockTime, for duration: GstClockTime)
    throws(Interruption)
  {
    guard var info = format?.output,
      let buffer = FrameBuffer.make(pixels, row: plan.geometry.width * 3, info: &info)
    else { throw .failed(.resource(GST_RESOURCE_ERROR_NO_SPACE_LEFT, "no memory for a frame")) }
    buffer.pointee.pts = time
    buffer.pointee.duration = duration
    buffer.pointee.offset = framesPushed
    buffer.pointee.offset_end = framesPushed &+ 1
    if isDiscontinuous { buffer.pointee.mini_object.flags |= GST_BUFFER_FLAG_DISCONT.rawValue }
    isDiscontinuous = false
    framesPushed &+= 1
    let flow = gst_pad_push(behaviour.srcPad, buffer)
    guard flow == GST_FLOW_OK else { throw .flow(flow) }
    behaviour.statistics.withLock { $0.framesOut += 1 }
  }
}
