import Checkpoints
import Diffusion
import Layers
import Tensors

/// A clip to learn from, and what it shows.
public struct Reference: Sendable {
  /// The frames.
  public var clip: Clip
  /// Its caption; nil: the empty prompt.
  public var prompt: String?

  /// A reference.
  public init(_ clip: Clip, prompt: String?) {
    self.clip = clip
    self.prompt = prompt
  }
}

/// Learning a motion from clips: one loop for all methods.
extension TextToVideoPipeline {
  /// The motion of `references`, by AdamW on the loss that was chosen, the model frozen.
  ///
  /// Random draws: for each clip the posterior noise of its latents; then the starts of low-rank matrices, the motion's; for
  /// SynMotion a seed of its additions to prompts; low-rank matrices of the appearance's for each clip (loss `hybrid`); each of
  /// SynMotion's clips of the model's own. Then each step what `LearningState` says.
  ///
  /// - Parameters:
  ///   - base: what changes the model whatever the motion
  ///   - checkpoint: where the state is kept, see ``LearningCheckpoint``
  func learn(
    _ references: [Reference], _ settings: Settings, base: Adapters = .none, checkpoint options: Options = Options(),
    _ job: Job
  ) throws -> MotionEmbedding {
    let sites = try sites(settings)
    var generator = TorchGenerator(seed: settings.seed)
    let latents = try references.map { try encode($0.clip, tiled: settings.memory.vaeTiling, using: &generator, job) }
    let plain = context(job, adapters: base)
    let hidden = try references.map { try encode([$0.prompt ?? ""], plain) }
    let learnable = try Learnable(
      settings, unet, sites: sites, frames: settings.geometry.numFrames, using: &generator
    ) { seed in try dualText(settings.motionPhrase, references.map { $0.prompt ?? "" }, hidden[0], seed: seed) }
    let known = metadata(settings, sites, references)
    var state = LearningState(learnable, settings, unet, clips: references.count, generator)
    var checkpoint = options.learningCheckpoint.map { path in
      LearningCheckpoint(path: path, interval: .seconds(options.checkpointSeconds), belongsTo: known)
    }
    let resumed = try checkpoint?.restore(state.learners)
    let inverted =
      settings.ddimInversionSteps > 0 && latents.count == 1
      ? try resumed?.inversionNoise ?? invert(latents[0], settings, base, job) : nil
    let examples = references.indices.map { index in
      let roles = learnable.text?.phrase.roles(references[index].prompt ?? "")
      return Example(latents[index], hidden[index], roles ?? [], unet.prepare(hidden[index], plain))
    }
    let priors =
      try learnable.text.map { try self.priors($0.phrase, settings, base, using: &state.generator, job) } ?? []
    if let resumed { state.resume(resumed) }

    let first = min(resumed?.step ?? 0, settings.inversionSteps)
    try job.report(.learn, first, of: settings.inversionSteps)
    for step in first..<settings.inversionSteps {
      try state.step(self, examples, priors, settings, base, job)
      try checkpoint?.save(
        LearningCheckpoint.State(
          step: step + 1, loss: state.loss, generator: state.generator, learners: state.learners,
          inversionNoise: inverted))
      try job.report(.learn, step + 1, of: settings.inversionSteps, loss: state.loss)
    }
    var result = learnable.learned()
    result.inversionNoise = inverted
    result.metadata = known
    result.metadata["final-loss"] = "\(state.loss)"
    return result
  }

  /// The blocks that learn.
  private func sites(_ settings: Settings) throws(MotionTransferError) -> [MotionSite] {
    let size = latentShape(settings.geometry)
    let all = description.unet.motionSites(latentHeight: size.height, latentWidth: size.width)
    // The model's recommendation is one for embeddings.
    let selects = settings.method == .motionInversion || settings.choosesSites
    return selects ? try MotionSites.select(settings.sites, from: all) : all
  }

  /// The noise that DDIM run backwards leads to: empty prompt, no guidance, no embedding. (C, F, h, w)
  private func invert(
    _ latents: Tensor, _ settings: Settings, _ base: Adapters, _ job: Job
  ) throws -> Tensor {
    let inverse = DDIMInverseScheduler(scheduler.noiseSchedule)
    let context = context(job, adapters: base)
    let text = unet.prepare(try encode([""], context), context)
    let timesteps = try inverse.timesteps(settings.ddimInversionSteps)
    var current = latents
    var previous: Int?
    try job.report(.invert, 0, of: timesteps.count)
    for (index, timestep) in timesteps.enumerated() {
      let prediction = try predict(current, timestep: Float(timestep), text: text, settings.windows, context)
      current = inverse.step(prediction, timestep: timestep, previous: previous, sample: current)
      previous = timestep
      try job.report(.invert, index + 1, of: timesteps.count)
    }
    let shape = current.shape
    return current.permuted([0, 4, 1, 2, 3]).reshaped([shape[4], shape[1], shape[2], shape[3]])
  }

  private func metadata(
    _ settings: Settings, _ sites: [MotionSite], _ references: [Reference]
  ) -> [String: String] {
    var metadata = [
      "motiontransfer.version": "1",
      "frames": "\(settings.geometry.numFrames)",
      "width": "\(settings.geometry.width)",
      "height": "\(settings.geometry.height)",
      "model-identity": description.identity,
      "inversion-steps": "\(settings.inversionSteps)",
      "ddim-inversion-steps": "\(settings.ddimInversionSteps)",
      "learning-rate": "\(settings.learningRate)",
      "loss": settings.loss.rawValue,
      "embedding-design": settings.embeddingDesign.rawValue,
      "timestep-sampling": settings.timestepSampling.rawValue,
      "method": settings.method.rawValue,
      "arithmetic": settings.arithmetic.rawValue,
      "convolution": settings.convolution.rawValue,
      "reference-prompt": references.map { $0.prompt ?? "" }.joined(separator: "\n"),
      "reference-hash": references.map { sha256($0.clip.pixels) }.joined(separator: " "),
      "seed": "\(settings.seed)",
    ]
    if settings.windows.ranges.count > 1 { metadata["context-length"] = "\(settings.windows.length)" }
    if settings.method == .synMotion {
      metadata[MotionPhrase.key] = settings.motionPhrase
      metadata["prior-share"] = "\(settings.priorShare)"
      metadata["prior-prompts"] = settings.priorPrompts.map { "\($0.subject), \($0.motion)" }.joined(separator: ";")
    }
    if [.motionDirector, .tap, .synMotion].contains(settings.method) {
      metadata["lora-rank"] = "\(settings.rank)"
      metadata["lora-targets"] = settings.lowRankTargets.rawValue
      metadata["lora-dropout"] = "\(settings.dropout)"
    }
    if let frameRate = settings.frameRate { metadata["frame-rate"] = "\(frameRate)" }
    for site in sites where settings.method == .motionInversion {
      metadata["grid.\(site.path)"] = "\(site.width)x\(site.height)"
    }
    return metadata
  }
}
