import Diffusion
import Layers
import Tensors

/// What learning changes as it goes on, and a step of it.
struct LearningState {
  private let learnable: Learnable
  private var motion: Learner
  /// SynMotion's subject, which steps teach that leave the motion alone.
  private var subject: Learner?
  /// One for each clip, with the loss `hybrid`.
  private var appearances: [Appearance] = []
  var generator: TorchGenerator
  /// Of the last step.
  private(set) var loss: Float = 0

  /// - Parameter generator: draws the starts of the appearances' low-rank matrices
  init(
    _ learnable: Learnable, _ settings: Settings, _ unet: any VideoUNet, clips: Int, _ generator: TorchGenerator
  ) {
    self.learnable = learnable
    self.generator = generator
    motion = Learner(leaves: learnable.parameters, optimizer: AdamW(learningRate: settings.learningRate))
    subject = learnable.text.map {
      Learner(leaves: [$0.embedding.subject], optimizer: AdamW(learningRate: settings.learningRate))
    }
    guard settings.loss == .hybrid else { return }
    let linears = LowRankTargets.appearance(unet.spatialLinears)
    for _ in 0..<clips { appearances.append(Appearance(linears, settings, using: &self.generator)) }
  }

  /// For a checkpoint.
  var learners: [Learner] { [motion] + [subject].compactMap { $0 } + appearances.map(\.learner) }

  /// Goes on from a checkpoint.
  mutating func resume(_ state: LearningCheckpoint.State) {
    (generator, loss, motion) = (state.generator, state.loss, state.learners[0])
    if subject != nil { subject = state.learners[1] }
    for (index, learner) in state.learners.suffix(appearances.count).enumerated() {
      appearances[index].learner = learner
    }
  }

  /// One step.
  ///
  /// Random draws: where there are clips of the model's own, a uniform number, at 1 - their share or above for one of them;
  /// of several clips, which; the window, where the clip is longer; the time step; the noise; with `hybrid`, a uniform number,
  /// below 0.2 skipping the appearance, else a frame and a seed for dropout; the anchor frame, where the loss has one; a seed
  /// for dropout, where something drops.
  ///
  /// - Parameters:
  ///   - examples: the references
  ///   - priors: clips of the model's own, which say nothing of the motion
  mutating func step(
    _ pipeline: TextToVideoPipeline, _ examples: [Example], _ priors: [Example], _ settings: Settings,
    _ base: Adapters, _ job: Job
  ) throws {
    let isPrior = !priors.isEmpty && generator.uniform() >= 1 - settings.priorShare
    let clips = isPrior ? priors : examples
    let index = clips.count > 1 ? generator.randint(below: clips.count) : 0
    let text = text(of: clips[index], pipeline, pipeline.context(job, adapters: base))
    let sample = try pipeline.draw(clips[index].latents, text, settings, using: &generator)
    var update = AppearanceUpdate()
    if settings.loss == .hybrid {
      update = try appearances[index].gradients(pipeline, sample, settings, base, using: &generator, job)
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
    let prediction = try pipeline.unet(
      sample.noisy, timesteps: [sample.timestep], text: sample.text, pipeline.context(job, adapters: adapters, memory))
    let error = settings.loss(prediction, sample.target, anchor: anchor)
    let taught = isPrior ? [] : motion.leaves
    var slopes = try gradients(
      of: error, for: taught + (subject?.leaves ?? []), checkCancellation: { try job.check() })
    if settings.method == .vmc { slopes = Self.clipped(slopes, norm: 1) }
    if update.isActive { appearances[index].learner.step(update.gradients) }
    if !isPrior { motion.step(Array(slopes.prefix(taught.count))) }
    subject?.step(Array(slopes.dropFirst(taught.count)))
    loss = error.item
  }

  /// A clip's prompt, with what is learned of prompts.
  private func text(of clip: Example, _ pipeline: TextToVideoPipeline, _ plain: Context) -> TextContext {
    guard let text = learnable.text else { return clip.text }
    return pipeline.unet.prepare(text.embedding(clip.hidden, clip.roles, plain), plain)
  }

  /// Gradients whose common norm is at most `norm` (torch's `clip_grad_norm_`).
  private static func clipped(_ gradients: [Tensor], norm: Float) -> [Tensor] {
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

extension TextToVideoPipeline {
  /// One step's time, noise and target.
  func draw(
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
}
