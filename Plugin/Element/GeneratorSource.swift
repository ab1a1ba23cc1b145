// The source element: clips from a prompt and a motion embedding, without a reference.
import CGStreamer
import CGstMotionTransfer
import Media
import MotionTransfer
import Synchronization

/// The Swift half of a GstMotionGenerateSrc; GstBaseSrc does segments, seeks, `num-buffers` and negotiation.
///
/// Frame n of the stream is frame n mod F of clip n / F, and clip k uses seed + k: a seek gives the frames that playing
/// from the start would have given. Everything below `MARK: Streaming` runs under GstBaseSrc's live or stream lock.
final class GeneratorSource: Reporting, @unchecked Sendable {
  /// Not retained: it owns this object.
  private let element: UnsafeMutablePointer<GstMotionGenerateSrc>
  private let settings = Mutex(Settings())
  private let statistics = Mutex(Statistics())
  private let isLockedOut = Atomic<Bool>(false)
  private let plan = Mutex<Plan?>(nil)
  private var generator: (any ClipGenerator)?
  private var motion: (any LearnedMotion)?
  private var current: (clip: UInt64, made: Clip)?
  private var output = GstVideoInfo()
  /// When the next frame begins, or the time that was sought; nanoseconds from the start of the stream.
  private var position: GstClockTime = 0
  /// Whether a frame has gone out that ends at `position`.
  private var isContinuing = false
  /// The frame that `position` means at the frame rate.
  private var next: UInt64 = 0

  init(_ element: UnsafeMutablePointer<GstMotionGenerateSrc>) {
    self.element = element
    // A source has nothing to learn from.
    settings.withLock { $0.mode = .apply }
  }

  var gstElement: UnsafeMutablePointer<GstElement> {
    UnsafeMutableRawPointer(element).assumingMemoryBound(to: GstElement.self)
  }

  // MARK: Properties

  func set(_ property: UInt32, _ value: UnsafePointer<GValue>) {
    let waits = settings.withLock { $0.set(property, value) }
    if waits, plan.withLock({ $0 != nil }) {
      log(GST_LEVEL_INFO, "property \(property) changed while running: it counts from the next start")
    }
  }

  func get(_ property: UInt32, into value: UnsafeMutablePointer<GValue>) {
    if property == GST_MOTION_TRANSFER_PROPERTY_STATS.rawValue {
      g_value_take_boxed(value, statistics.withLock { $0.structure() })
    } else {
      settings.withLock { $0.get(property, into: value) }
    }
  }

  // MARK: Starting and stopping

  func start() -> Bool {
    do throws(ElementError) {
      let made = try Plan(settings.withLock { $0 }, provider: Generators.provider)
      plan.withLock { $0 = made }
      statistics.withLock { $0 = Statistics() }
      (position, isContinuing, next) = (0, false, 0)
      // GstBaseSrc locks out when it stops, and says nothing when it starts again.
      lockOut(false)
      return true
    } catch {
      post(error)
      return false
    }
  }

  func stop() {
    plan.withLock { $0 = nil }
    (generator, motion, current) = (nil, nil, nil)
  }

  /// A flush or a state change wants the streaming thread back, or gives it free again.
  func lockOut(_ isLockedOut: Bool) {
    self.isLockedOut.store(isLockedOut, ordering: .relaxed)
  }

  // MARK: Caps

  /// The template with the size as far as it is known.
  func caps() -> UnsafeMutablePointer<GstCaps>? {
    let template = gst_pad_get_pad_template_caps(element.pointee.parent.parent.srcpad)
    guard let geometry = plan.withLock({ $0?.geometry }), let caps = gst_caps_copy(template) else { return template }
    gst_caps_unref(template)
    cgst_caps_set_int(caps, "width", Int32(geometry.width))
    cgst_caps_set_int(caps, "height", Int32(geometry.height))
    return caps
  }

  /// What the model recommends, else 8 a second, as the command line has it.
  func preferredFrameRate() -> FrameRate {
    let plan = plan.withLock { $0 }
    let recommended = plan.flatMap { plan in try? plan.provider.frameRate(plan.settings.modelSource) }
    return FrameRate(recommended.flatMap { $0 } ?? 8)
  }

  func setCaps(_ caps: UnsafeMutablePointer<GstCaps>) -> Bool {
    let old = frameRate
    guard gst_video_info_from_caps(&output, caps) != 0, FrameRate(of: caps) != nil else { return false }
    // Clips are made for a frame rate.
    if frameRate != old { current = nil }
    findNext()
    return true
  }

  /// The frame that is shown at a time that was sought; else the first that begins after what has gone out.
  private func findNext() {
    next = frameRate.frame(at: position)
    if isContinuing, frameRate.time(of: Int(clamping: next)) < position { next += 1 }
  }

  // MARK: Streaming

  private var frameRate: FrameRate { FrameRate(numerator: output.fps_n, denominator: output.fps_d) }

  func seek(_ segment: UnsafeMutablePointer<GstSegment>) -> Bool {
    guard segment.pointee.rate > 0 else {
      log(GST_LEVEL_INFO, "a seek that plays backwards is refused")
      return false
    }
    segment.pointee.position = segment.pointee.start
    segment.pointee.time = segment.pointee.start
    (position, isContinuing) = (segment.pointee.start, false)
    // Before caps the rate means nothing yet: they find the frame again.
    findNext()
    return true
  }

  /// Writes the next frame into `buffer`.
  func fill(_ buffer: UnsafeMutablePointer<GstBuffer>) -> GstFlowReturn {
    guard let plan = plan.withLock({ $0 }), output.fps_n > 0 else { return GST_FLOW_NOT_NEGOTIATED }
    let frames = UInt64(plan.geometry.frames)
    let rate = frameRate
    guard next < UInt64(Int.max) else { return GST_FLOW_EOS }
    let time = rate.time(of: Int(next))
    do throws(Interruption) {
      let made = try clip(next / frames, plan, rate)
      let size = made.width * made.height * 3
      let start = Int(next % frames) * size
      guard FrameBuffer.fill(buffer, made.pixels[start..<start + size], info: &output) else {
        throw .failed(.resource(GST_RESOURCE_ERROR_WRITE, "a frame from downstream's pool cannot be written"))
      }
    } catch {
      switch error {
      case .flow(let flow): return flow
      case .failed(let error):
        post(error)
        return GST_FLOW_ERROR
      }
    }
    buffer.pointee.pts = time
    buffer.pointee.duration = rate.time(of: Int(next) + 1) &- time
    buffer.pointee.offset = UInt(next)
    buffer.pointee.offset_end = UInt(next) + 1
    next += 1
    (position, isContinuing) = (rate.time(of: Int(next)), true)
    statistics.withLock { $0.framesOut += 1 }
    return GST_FLOW_OK
  }

  private func clip(_ index: UInt64, _ plan: Plan, _ rate: FrameRate) throws(Interruption) -> Clip {
    if let current, current.clip == index { return current.made }
    let start = rate.time(
      of: Int(clamping: index.multipliedReportingOverflow(by: UInt64(plan.geometry.frames)).partialValue))
    gst_object_sync_values(gstObject, start)
    let settings = plan.settings.updated(from: settings.withLock { $0 })
    let options = settings.options(clip: index, frameRate: rate.perSecond)
    let progress = ProgressReporter(self, clip: index)
    do throws(MotionTransferError) {
      let made = try generate(options, plan, progress)
      progress.end(GST_PROGRESS_TYPE_COMPLETE, "generated")
      note(index, made, rate.time(of: Int(next)), options, progress.elapsed)
      return made
    } catch {
      if isLockedOut.load(ordering: .relaxed) {
        progress.end(GST_PROGRESS_TYPE_CANCELED, "canceled")
        throw .flow(GST_FLOW_FLUSHING)
      }
      progress.end(GST_PROGRESS_TYPE_ERROR, error.message)
      throw .failed(ElementError(error))
    }
  }

  private func generate(_ options: Options, _ plan: Plan, _ progress: ProgressReporter)
    throws(MotionTransferError) -> Clip
  {
    let job = Job(
      isCancelled: { [self] in isLockedOut.load(ordering: .relaxed) }, progress: { progress.report($0) },
      warning: { [self] in warn(.resource(GST_RESOURCE_ERROR_SETTINGS, $0)) },
      note: { [self] note in log(GST_LEVEL_INFO, note) },
      preview: progress.previews(every: settings.withLock { $0.previewInterval }, frameRate: frameRate))
    if generator == nil {
      generator = try plan.provider.load(
        plan.settings.modelSource, threads: Int(plan.settings.threads), job: job)
    }
    if motion == nil, let path = plan.settings.motionEmbedding, !path.isEmpty {
      motion = try plan.provider.motion(contentsOf: path)
    }
    guard let generator else { throw .cancelled }
    return try generator.clip(options, motion: motion, of: plan.geometry, job: job)
  }

  /// - Parameter first: when the clip's first frame that goes out begins.
  private func note(_ index: UInt64, _ made: Clip, _ first: GstClockTime, _ options: Options, _ elapsed: UInt64) {
    // A frame that is shown at the time that was sought may have begun before.
    let shown = max(first, element.pointee.parent.parent.segment.start)
    let runningTime = gst_segment_to_running_time(&element.pointee.parent.parent.segment, GST_FORMAT_TIME, shown)
    current = (index, made)
    let loss = motion?.finalLoss
    statistics.withLock { $0.note(elapsed, loss) }
    post(
      ClipReport(
        clip: index, framesIn: 0, framesOut: made.frames, runningTime: runningTime, generationTime: elapsed,
        options: options, finalLoss: loss))
  }
}
