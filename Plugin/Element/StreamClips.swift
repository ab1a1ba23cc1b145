// A full, or a short, window becomes a clip.
import CGStreamer
import CGstMotionTransfer
import Glibc
import Media
import MotionTransfer
import Synchronization

extension Stream {
  /// At EOS, and where a segment is done: what is left, then the promises that only an end can check.
  func finish() throws(Interruption) {
    try drain(isEnd: true)
    guard plan.task == .learn, motion == nil else { return }
    behaviour.warn(
      .stream(GST_STREAM_ERROR_FAILED, "nothing was learned: the input had no clip; no file was written"))
  }

  /// At the end, and where the format or the segment changes: frames that wait become a short clip.
  func drain(isEnd: Bool = false) throws(Interruption) {
    let found = window.count
    if found > 0 { try drainWindow(found, isEnd) }
    while !tasks.isEmpty { try deliver(tasks.removeFirst()) }
    let events = window.events
    window.clear()
    for (_, event) in events { send(event) }
  }

  private func drainWindow(_ found: Int, _ isEnd: Bool) throws(Interruption) {
    let expected = plan.geometry.frames
    let short = "found \(found) frames at the end, expected a clip of \(expected)"
    switch plan.settings.shortClip {
    case .drop:
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
    // Where frames follow, the times of more than came are theirs.
    try finishClip(frames: isEnd && plan.settings.shortClip == .pad ? expected : found)
  }

  /// Learns and generates what the plan says for the window; the first `frames` frames of the result will be pushed.
  func finishClip(frames: Int) throws(Interruption) {
    let time = streamTime(window.start)
    if time != GstClockTime(cgst_clock_time_none) { gst_object_sync_values(behaviour.gstObject, time) }
    var settings = plan.settings.updated(from: behaviour.settings.withLock { $0 })
    if plan.task != .learn, let cue = try cue() { settings.prompt = cue }
    if settings.qos, isPrepared, isLate() { return try skipClip() }
    guard plan.task == .learn || settings.hasPrompt else {
      throw .failed(
        .resource(
          GST_RESOURCE_ERROR_SETTINGS,
          "found no prompt, expected what the new video shall show; set prompt=\"...\""))
    }
    let task = ClipTask(
      clip: clip, frames: frames, window: window, settings: settings,
      options: settings.options(clip: clip, frameRate: frameRate.perSecond),
      progress: ProgressReporter(behaviour, clip: clip))
    window.clear()
    clip &+= 1
    behaviour.log(
      GST_LEVEL_DEBUG,
      "clip \(task.clip): \(frames) frames from \(task.window.start) ns, seed \(task.options.seed), \(task.options.prompt)"
    )
    let job = job(task)
    guard isPrepared, plan.settings.concurrency > 1, plan.task != .learn, let generator else {
      while !tasks.isEmpty { try deliver(tasks.removeFirst()) }
      task.run { () throws(MotionTransferError) in try self.prepareAndCompute(task, job) }
      return try deliver(task)
    }
    let (geometry, motion) = (plan.geometry, motion)
    task.start { () throws(MotionTransferError) in
      try Stream.generate(task, generator, motion, geometry, job)
    }
    tasks.append(task)
    while tasks.count >= Int(plan.settings.concurrency) { try deliver(tasks.removeFirst()) }
  }

  /// The text pad's word on what this clip shows; nil where it has none.
  private func cue() throws(Interruption) -> String? {
    let end = window.end(frameDuration: frameRate.time(of: 1))
    let text = behaviour.cues.prompt(
      from: runningTime(window.start), to: runningTime(end), isCancelled: { self.behaviour.isCancelled })
    if behaviour.isCancelled { throw .flow(GST_FLOW_FLUSHING) }
    return text
  }

  private func job(_ task: ClipTask) -> Job {
    let behaviour = self.behaviour
    return Job(
      isCancelled: { behaviour.isCancelled || task.isAbandoned }, progress: { task.progress.report($0) },
      warning: { behaviour.warn(.resource(GST_RESOURCE_ERROR_SETTINGS, $0)) },
      note: { note in behaviour.log(GST_LEVEL_INFO, note) },
      preview: task.progress.previews(every: task.settings.previewInterval, frameRate: frameRate))
  }

  // MARK: Computing

  /// The clip, with the first clip's own work: the model, and the motion from its file or from these frames.
  /// nil where only learning is asked for.
  private func prepareAndCompute(_ task: ClipTask, _ job: Job) throws(MotionTransferError) -> Clip? {
    let generator = try loaded(job)
    if motion == nil { try findMotion(generator, task, job) }
    isPrepared = true
    guard plan.task != .learn else { return nil }
    return try Stream.generate(task, generator, motion, plan.geometry, job)
  }

  private static func generate(
    _ task: ClipTask, _ generator: any ClipGenerator, _ motion: (any LearnedMotion)?, _ wanted: ClipGeometry,
    _ job: Job
  ) throws(MotionTransferError) -> Clip {
    try generator.clip(task.options, motion: motion, of: wanted, job: job)
  }

  private func loaded(_ job: Job) throws(MotionTransferError) -> any ClipGenerator {
    if let generator { return generator }
    let made = try plan.provider.load(
      plan.settings.modelSource, threads: Int(plan.settings.threads), job: job)
    generator = made
    return made
  }

  /// Reads the motion, or learns and saves it.
  private func findMotion(_ generator: any ClipGenerator, _ task: ClipTask, _ job: Job)
    throws(MotionTransferError)
  {
    let path = plan.settings.motionEmbedding.flatMap { $0.isEmpty ? nil : $0 }
    if plan.task == .apply {
      if let path { motion = try plan.provider.motion(contentsOf: path) }
      return
    }
    let geometry = plan.geometry
    let reference = Clip(
      frames: geometry.frames, height: geometry.height, width: geometry.width, pixels: task.window.pixels)
    let learned = try generator.learn(reference, task.options, job: job)
    if let path { try learned.write(to: path) }
    if let checkpoint = task.options.learningCheckpoint { unlink(checkpoint) }
    motion = learned
  }

  // MARK: Delivering

  /// Clips that are done meanwhile.
  func deliverEnded() throws(Interruption) {
    while let task = tasks.first, task.hasEnded {
      tasks.removeFirst()
      try deliver(task)
    }
  }

  /// Waits for a clip and pushes it.
  private func deliver(_ task: ClipTask) throws(Interruption) {
    let made: Clip?
    do throws(MotionTransferError) {
      made = try task.wait().get()
    } catch {
      if behaviour.isCancelled {
        task.progress.end(GST_PROGRESS_TYPE_CANCELED, "canceled")
        throw .flow(GST_FLOW_FLUSHING)
      }
      task.progress.end(GST_PROGRESS_TYPE_ERROR, error.message)
      throw .failed(ElementError(error))
    }
    // Before any push: the first one may block until PLAYING, for which gst-launch waits until progress has
    // ended.
    task.progress.end(GST_PROGRESS_TYPE_COMPLETE, made == nil ? "learned" : "generated")
    note(task.elapsed)
    if let made { try push(made, task) }
    report(task, framesOut: made == nil ? 0 : task.frames)
  }

  private func push(_ made: Clip, _ task: ClipTask) throws(Interruption) {
    let window = task.window
    var events = window.events[...]
    for index in 0..<min(task.frames, made.frames) {
      while let next = events.first, next.index <= index {
        events.removeFirst()
        send(next.event)
      }
      try push(made.pixels[index * frameSize..<(index + 1) * frameSize], as: window.frame(index, frameRate))
    }
    for (_, event) in events { send(event) }
  }

  /// Stops all clips that are being computed and forgets them.
  func abandonTasks() {
    for task in tasks { task.abandon() }
    for task in tasks {
      _ = task.wait()
      task.progress.end(GST_PROGRESS_TYPE_CANCELED, "canceled")
    }
    tasks.removeAll()
  }

  // MARK: Lateness

  /// Whether downstream would throw the whole window away.
  private func isLate() -> Bool {
    let none = GstClockTime(cgst_clock_time_none)
    let end = runningTime(window.end(frameDuration: frameRate.time(of: 1)))
    let earliest = behaviour.timing.withLock { $0.earliest }
    return end != none && earliest != none && end < earliest
  }

  /// Leaves a clip out that would come too late: a gap, a QOS message, the next clip's seed as if it had been there.
  private func skipClip() throws(Interruption) {
    while !tasks.isEmpty { try deliver(tasks.removeFirst()) }
    let (start, end) = (window.start, window.end(frameDuration: frameRate.time(of: 1)))
    let dropped = UInt64(window.count)
    let counts = behaviour.statistics.withLock { statistics in
      statistics.framesDropped += dropped
      return (statistics.framesOut, statistics.framesDropped)
    }
    let isLive = behaviour.timing.withLock { $0.isLive }
    let message = gst_message_new_qos(
      behaviour.gstObject, isLive ? 1 : 0, UInt(runningTime(start)), UInt(streamTime(start)), start, end &- start)
    gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, UInt(counts.0), UInt(counts.1))
    gst_element_post_message(behaviour.gstElement, message)
    for (_, event) in window.events { send(event) }
    window.clear()
    clip &+= 1
    isDiscontinuous = true
    gst_pad_push_event(behaviour.srcPad, gst_event_new_gap(start, end &- start))
  }

  // MARK: Reports

  private func note(_ elapsed: UInt64) {
    let loss = motion?.finalLoss
    behaviour.statistics.withLock { $0.note(elapsed, loss) }
    behaviour.timing.withLock { $0.generation = GstClockTime(elapsed) }
    behaviour.announceLatency()
  }

  private func report(_ task: ClipTask, framesOut: Int) {
    behaviour.post(
      ClipReport(
        clip: task.clip, framesIn: task.window.count, framesOut: framesOut,
        runningTime: runningTime(task.window.start), generationTime: task.elapsed, options: task.options,
        finalLoss: motion?.finalLoss))
  }
}
