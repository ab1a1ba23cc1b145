import Diffusion
import Layers
import Tensors

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
