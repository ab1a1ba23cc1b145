// A full, or a short, window becomes a clip.
import CGStreamer
import CGstMotionTransfer
import Media
import MotionTransfer
import Synchronization

extension Stream {
  /// At EOS: what is left, then the promises that only EOS can check.
  func finish() throws(Interruption) {
    try drain()
    guard plan.task == .learn, motion == nil else { return }
    behaviour.warn(
      .stream(GST_STREAM_ERROR_FAILED, "nothing was learned: the input had no clip; no file was written"))
  }

  /// At EOS, and where the format or the segment changes: frames that wait become a short clip.
  func drain() throws(Interruption) {
    let found = window.count
    guard found > 0 else { return }
    let expected = plan.geometry.frames
    let short = "found \(found) frames at the end, expected a clip of \(expected)"
    switch plan.settings.shortClip {
    case .drop:
      window.clear()
      if plan.task != .learn { behaviour.statistics.withLock { $0.framesDropped += UInt64(found) } }
      return
    case .error:
      window.clear()
      throw .failed(.stream(GST_STREAM_ERROR_FAILED, "\(short); use a longer input or another short-clip"))
    case .trim where plan.task == .learn:
      window.clear()
      throw .failed(
        .stream(
          GST_STREAM_ERROR_FAILED,
          "\(short): nothing was learned; use a longer input, fewer num-frames, or short-clip=pad"))
    case .trim, .pad: break
    }
    if plan.task != .apply, motion == nil {
      behaviour.warn(
        .stream(GST_STREAM_ERROR_FAILED, "\(short): learning from it with its last frame repeated"))
    }
    window.pad(to: expected, frameSize: frameSize)
    try finishClip(frames: plan.settings.shortClip == .pad ? expected : found)
  }

  /// Learns and generates what the plan says for the window, and pushes the first `frames` frames of the
  /// result.
  func finishClip(frames: Int) throws(Interruption) {
    let settings = plan.settings.updated(from: behaviour.settings.withLock { $0 })
    let options = settings.options(clip: clip, frameRate: frameRate.perSecond)
    let progress = ProgressReporter(behaviour, clip: clip)
    let made: Clip?
    do throws(MotionTransferError) {
      made = try compute(settings, options, progress)
    } catch {
      window.clear()
      if behaviour.isCancelled {
        progress.end(GST_PROGRESS_TYPE_CANCELED, "canceled")
        throw .flow(GST_FLOW_FLUSHING)
      }
      progress.end(GST_PROGRESS_TYPE_ERROR, error.message)
      throw .failed(ElementError(error))
    }
    // Before any push: the first one may block until PLAYING, for which gst-launch waits until progress has
    // ended.
    let elapsed = progress.elapsed
    progress.end(GST_PROGRESS_TYPE_COMPLETE, made == nil ? "learned" : "generated")
    let incoming = window.count
    let start = window.start
    window.clear()
    note(elapsed)
    if let made { try push(made, frames: frames, from: start) }
    report(framesIn: incoming, framesOut: made == nil ? 0 : frames, start: start, elapsed: elapsed, options)
    clip &+= 1
  }

  private func compute(
    _ settings: Settings, _ options: Options, _ progress: ProgressReporter
  ) throws(MotionTransferError) -> Clip? {
    let behaviour = self.behaviour
    let job = Job(
      isCancelled: { behaviour.isCancelled }, progress: { progress.report($0) },
      warning: { behaviour.warn(.resource(GST_RESOURCE_ERROR_SETTINGS, $0)) })
    if plan.task != .learn, !settings.hasPrompt {
      throw MotionTransferError(
        .settings, "found no prompt, expected what the new video shall show; set prompt=\"...\"")
    }
    let generator = try loaded(job)
    if motion == nil { try findMotion(generator, options, job) }
    guard plan.task != .learn else { return nil }
    let made = try generator.generate(options, motion: motion, job: job)
    let wanted = plan.geometry
    guard made.frames == wanted.frames, made.width == wanted.width, made.height == wanted.height,
      made.pixels.count == wanted.frames * frameSize
    else {
      throw MotionTransferError(
        .failed,
        "found a clip of \(made.frames) frames, \(made.width)x\(made.height), expected "
          + "\(wanted.frames), \(wanted.width)x\(wanted.height)")
    }
    return made
  }

  private func loaded(_ job: Job) throws(MotionTransferError) -> any ClipGenerator {
    if let generator { return generator }
    let made = try plan.provider.load(
      folder: plan.settings.model, threads: Int(plan.settings.threads), job: job)
    generator = made
    return made
  }

  /// The first clip's work: reads the motion, or learns and saves it.
  private func findMotion(_ generator: any ClipGenerator, _ options: Options, _ job: Job)
    throws(MotionTransferError)
  {
    let path = plan.settings.motionEmbedding.flatMap { $0.isEmpty ? nil : $0 }
    if plan.task == .apply {
      if let path { motion = try plan.provider.motion(contentsOf: path) }
      return
    }
    let geometry = plan.geometry
    let reference = Clip(
      frames: geometry.frames, height: geometry.height, width: geometry.width, pixels: window.pixels)
    let learned = try generator.learn(reference, options, job: job)
    if let path { try learned.write(to: path) }
    motion = learned
  }

  private func push(_ made: Clip, frames: Int, from start: GstClockTime) throws(Interruption) {
    for index in 0..<min(frames, made.frames) {
      let time = frameRate.time(of: index)
      try push(
        made.pixels[index * frameSize..<(index + 1) * frameSize], at: start &+ time,
        for: frameRate.time(of: index + 1) &- time)
    }
  }

  private func note(_ elapsed: UInt64) {
    let loss = motion?.finalLoss
    behaviour.statistics.withLock {
      $0.clips += 1
      $0.lastGeneration = elapsed
      $0.totalGeneration &+= elapsed
      $0.finalLoss = loss
    }
    behaviour.timing.withLock { $0.generation = GstClockTime(elapsed) }
    behaviour.announceLatency()
  }

  private func report(framesIn: Int, framesOut: Int, start: GstClockTime, elapsed: UInt64, _ options: Options) {
    guard let structure = gst_structure_new_empty("motiontransfer-clip") else { return }
    cgst_structure_set_uint64(structure, "clip", UInt(clip))
    cgst_structure_set_uint(structure, "frames-in", UInt32(clamping: framesIn))
    cgst_structure_set_uint(structure, "frames-out", UInt32(clamping: framesOut))
    cgst_structure_set_uint64(structure, "running-time", runningTime(start))
    cgst_structure_set_uint64(structure, "generation-time", UInt(elapsed))
    cgst_structure_set_uint64(structure, "seed", UInt(options.seed))
    if let loss = motion?.finalLoss { cgst_structure_set_double(structure, "final-loss", loss) }
    behaviour.post(structure)
  }
}
