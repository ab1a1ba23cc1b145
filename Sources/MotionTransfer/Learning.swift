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
  /// Random draws: for each clip the posterior noise of its latents; then the starts of low-rank matrices, the motion's and
  /// one set of the appearance's for each clip (loss `hybrid`); for SynMotion a seed of its additions to prompts, and each of
  /// the model's own clips. Then each step: with such clips a uniform number, which is below 1 - their share for the
  /// reference; of several clips, which; the window, where
  /// the clip is longer; the time step; the noise; with `hybrid`, a uniform number, below 0.2 skipping the appearance, else
  /// a frame and a seed for dropout; the anchor frame, where the loss has one; a seed for dropout, where something drops.
  ///
  /// - Parameters:
  ///   - base: what changes the model whatever the motion
  ///   - checkpoint: where the state is kept, see ``LearningCheckpoint``
  func learn(
    _ references: [Reference], _ settings: Settings, base: Adapters = .none, checkpoint options: Options = Options(),
    _ job: Job
  ) throws -> MotionEmbedding {
    let size = latentShape(settings.geometry)
    let all = description.unet.motionSites(latentHeight: size.height, latentWidth: size.width)
    // The model's recommendation is one for embeddings.
    let selects = settings.method == .motionInversion || settings.choosesSites
    let sites = selects ? try MotionSites.select(settings.sites, from: all) : all
    var generator = TorchGenerator(seed: settings.seed)
    let latents = try references.map { try encode($0.clip, tiled: settings.memory.vaeTiling, using: &generator, job) }
    let plain = context(job, adapters: base)
    let hidden = try references.map { try encode([$0.prompt ?? ""], plain) }
    let learnable = try Learnable(settings, unet, sites: sites, frames: size.frames, using: &generator) { seed in
      try dualText(settings.motionPhrase, references.map { $0.prompt ?? "" }, hidden[0], seed: seed)
    }
    let known = metadata(settings, sites, references)
    var motion = Learner(leaves: learnable.parameters, optimizer: AdamW(learningRate: settings.learningRate))
    var subject = learnable.text.map {
      Learner(leaves: [$0.embedding.subject], optimizer: AdamW(learningRate: settings.learningRate))
    }
    var appearances: [Appearance] = []
    if settings.loss == .hybrid {
      let linears = LowRankTargets.appearance(unet.spatialLinears)
      appearances = references.map { _ in Appearance(linears, settings, using: &generator) }
    }
    var checkpoint = options.learningCheckpoint.map { path in
      LearningCheckpoint(path: path, interval: .seconds(options.checkpointSeconds), belongsTo: known)
    }
    func learners() -> [Learner] { [motion] + [subject].compactMap { $0 } + appearances.map(\.learner) }
    let resumed = try checkpoint?.restore(learners())
    let inverted =
      settings.ddimInversionSteps > 0 && latents.count == 1
      ? try resumed?.inversionNoise ?? invert(latents[0], settings, base, job) : nil
    let examples = references.indices.map { index in
      let roles = learnable.text?.phrase.roles(references[index].prompt ?? "")
      return Example(latents[index], hidden[index], roles ?? [], unet.prepare(hidden[index], plain))
    }
    let priors = try learnable.text.map { try self.priors($0.phrase, settings, base, using: &generator, job) } ?? []

    var loss: Float = 0
    if let resumed {
      (generator, loss, motion) = (resumed.generator, resumed.loss, resumed.learners[0])
      if subject != nil { subject = resumed.learners[1] }
      for (index, learner) in resumed.learners.suffix(appearances.count).enumerated() {
        appearances[index].learner = learner
      }
    }
    let first = min(resumed?.step ?? 0, settings.inversionSteps)
    try job.report(.learn, first, of: settings.inversionSteps)
    for step in first..<settings.inversionSteps {
      let isPrior = !priors.isEmpty && generator.uniform() >= 1 - settings.priorShare
      let clips = isPrior ? priors : examples
      let index = clips.count > 1 ? generator.randint(below: clips.count) : 0
      let text = learnable.text.map {
        unet.prepare($0.embedding(clips[index].hidden, clips[index].roles, plain), plain)
      }
      let sample = try draw(clips[index].latents, text ?? clips[index].text, settings, using: &generator)
      var update = AppearanceUpdate()
      if settings.loss == .hybrid {
        update = try appearances[index].gradients(self, sample, settings, base, using: &generator, job)
      }
      let anchor = settings.loss.drawsAnchor ? generator.randint(below: sample.window.count) : 0
      let drops = (learnable.drops || update.isActive) && settings.dropout > 0
      let seed = drops ? generator.drawSeed() : 0
      var adapters = base.merging(
        learnable.adapters(dropout: settings.dropout, seed: seed, frozen: isPrior).within(sample.window))
      if update.isActive {
        adapters.lora.merge(appearances[index].frozen(settings.dropout, seed: seed + 1 << 31), uniquingKeysWith: +)
      }
      // Masks of dropout are those of whole tensors.
      var memory = settings.memory
      if drops { memory.feedForwardChunk = nil }
      let prediction = try unet(
        sample.noisy, timesteps: [sample.timestep], text: sample.text, context(job, adapters: adapters, memory))
      let error = settings.loss(prediction, sample.target, anchor: anchor)
      // The model's own clips say nothing of the motion.
      let taught = isPrior ? [] : motion.leaves
      var slopes = try gradients(
        of: error, for: taught + (subject?.leaves ?? []), checkCancellation: { try job.check() })
      if settings.method == .vmc { slopes = clipped(slopes, norm: 1) }
      if update.isActive { appearances[index].learner.step(update.gradients) }
      if !isPrior { motion.step(Array(slopes.prefix(taught.count))) }
      subject?.step(Array(slopes.dropFirst(taught.count)))
      loss = error.item
      try checkpoint?.save(
        LearningCheckpoint.State(
          step: step + 1, loss: loss, generator: generator, learners: learners(), inversionNoise: inverted))
      try job.report(.learn, step + 1, of: settings.inversionSteps, loss: loss)
    }
    var result = learnable.learned()
    result.inversionNoise = inverted
    result.metadata = known
    result.metadata["final-loss"] = "\(loss)"
    return result
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

  /// One step's time, noise and target.
  private func draw(
    _ latents: Tensor, _ text: TextContext, _ settings: Settings, using generator: inout TorchGenerator
  ) throws -> NoisySample {
    let windows = settings.windows
    let start = windows.ranges.count > 1 ? generator.randint(below: windows.frames - windows.length + 1) : 0
    let window = start..<start + windows.length
    let latents = latents.sliced(axis: 1, window)
    let t = settings.timestepSampling.draw(below: scheduler.configuration.trainTimesteps, using: &generator)
    let noise = noise(settings.geometry, frames: window.count, using: &generator)
    return NoisySample(
      noisy: scheduler.addNoise(latents, noise, timesteps: [t]),
      target: scheduler.target(latents, noise, timesteps: [t]), window: window, timestep: t, text: text)
  }

  /// Gradients whose common norm is at most `norm` (torch's `clip_grad_norm_`).
  private func clipped(_ gradients: [Tensor], norm: Float) -> [Tensor] {
    let squares = gradients.reduce(0.0) { $0 + Double($1.square().sum().item) }
    let factor = norm / (Float(squares.squareRoot()) + 1e-6)
    return factor < 1 ? gradients.map { $0 * factor } : gradients
  }
}

/// A clip to learn from, encoded.
struct Example {
  /// (1, F, h, w, C)
  let latents: Tensor
  /// Its prompt, (1, L, D).
  let hidden: Tensor
  /// Of the prompt's tokens; empty for methods that leave prompts alone.
  let roles: [DualEmbedding.Role]
  /// The prompt as such methods use it.
  let text: TextContext

  init(_ latents: Tensor, _ hidden: Tensor, _ roles: [DualEmbedding.Role], _ text: TextContext) {
    (self.latents, self.hidden, self.roles, self.text) = (latents, hidden, roles, text)
  }
}

/// What a learning step shows the model.
struct NoisySample {
  /// (1, F, h, w, C)
  let noisy: Tensor
  /// (1, F, h, w, C)
  let target: Tensor
  /// The frames of the clip that these are.
  let window: Range<Int>
  let timestep: Int
  let text: TextContext
}

/// The gradients of one clip's appearance; none where the step skips it.
struct AppearanceUpdate {
  var gradients: [Tensor] = []
  var isActive: Bool { !gradients.isEmpty }
}

/// Low-rank additions to the spatial transformers that take up a clip's appearance while its motion is learned, and are then
/// thrown away (MotionDirector's spatial path).
struct Appearance {
  private static let skipProbability: Float = 0.2
  private static let embeddingRate = 5e-4

  private let set: LowRankSet
  var learner: Learner

  init(_ linears: [Linear], _ settings: Settings, using generator: inout TorchGenerator) {
    set = LowRankSet(linears, rank: settings.rank, using: &generator)
    // An embedding's own rate is forty times that of low-rank matrices.
    let rate = settings.method == .motionInversion ? Self.embeddingRate : settings.learningRate
    learner = Learner(leaves: set.parameters, optimizer: AdamW(learningRate: rate))
  }

  /// The mean squared error of one random frame, shown to the model as a clip of one frame without its temporal layers.
  func gradients(
    _ pipeline: TextToVideoPipeline, _ sample: NoisySample, _ settings: Settings, _ base: Adapters,
    using generator: inout TorchGenerator, _ job: Job
  ) throws -> AppearanceUpdate {
    guard generator.uniform() >= Self.skipProbability else { return AppearanceUpdate() }
    let frame = generator.randint(below: sample.noisy.shape[1])
    let seed = settings.dropout > 0 ? generator.drawSeed() : 0
    var context = pipeline.context(
      job, adapters: base.merging(Adapters(lora: set.adapters(dropout: settings.dropout, seed: seed))),
      settings.memory)
    if settings.dropout > 0 { context.feedForwardChunk = nil }
    context.isStill = true
    let prediction = try pipeline.unet(
      sample.noisy.sliced(axis: 1, frame..<frame + 1), timesteps: [sample.timestep], text: sample.text, context)
    let error = prediction.meanSquaredError(sample.target.sliced(axis: 1, frame..<frame + 1))
    return AppearanceUpdate(
      gradients: try Tensors.gradients(of: error, for: learner.leaves, checkCancellation: { try job.check() }))
  }

  /// The adapters of the motion's forward, which does not teach them.
  func frozen(_ dropout: Float, seed: Int) -> [String: [LowRank]] {
    set.frozen(dropout: dropout, seed: seed)
  }
}
