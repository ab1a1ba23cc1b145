import Checkpoints
import Diffusion
import Glibc
import Layers
import Tensors

/// Trains the autoencoder's decoder to turn patch codes back into pictures.
///
/// The encoder starts as the code itself (``PatchCodeEncoder``) and stays so. The codes get a little noise, because
/// what the video model makes is not exact either; L1 on pixels and on their differences keeps edges sharp.
struct AutoencoderTrainer {
  private(set) var state: TrainingState
  let model: AutoencoderKL
  private let store: ParameterStore
  private let corpus: Corpus
  private let code: PatchCode
  private let seed: UInt64
  let schedule: Schedule

  /// How a run is divided.
  struct Schedule: Sendable {
    var rate: LearningRate
    var pictures = 16
    /// Largest deviation of the noise on the codes.
    var noise: Float = 0.25
  }

  /// - Parameter warmStart: gives the weights that it has, named as those of ``ModelFolder``; nil: the decoder is
  ///   random and the encoder the patch code.
  init(
    recipe: Recipe, corpus: Corpus, code: PatchCode, seed: UInt64, schedule: Schedule,
    warmStart: (any WeightSource)? = nil
  ) throws {
    let quarters = PatchStatistics(corpus, edge: 4, seed: seed, pictures: 300)
    let axes = PrincipalAxes.of(quarters.covariance, order: quarters.order).vectors
    let start = PatchCodeEncoder(
      code: code, axes: axes.map { $0.map { Float($0) } }, blockChannels: recipe.autoencoderChannels,
      groups: recipe.autoencoderGroups, fallback: TemperedWeights(RandomWeights(seed: seed &+ 1)))
    store = ParameterStore(
      warmStart.map { WarmStart(PrefixedSource($0, prefix: "vae."), otherwise: start) } ?? start)
    model = try AutoencoderKL(
      Weights(store, name: "random initialisation").root,
      AutoencoderKLConfiguration(Recipe.parsed(recipe.autoencoderConfiguration)))
    state = TrainingState(
      store.parameters.filter { $0.name.hasPrefix("decoder.") || $0.name.hasPrefix("post_quant_conv.") })
    self.corpus = corpus
    self.code = code
    self.seed = seed
    self.schedule = schedule
  }

  /// One optimisation step; returns the loss before it.
  mutating func step() throws -> Float {
    let (pixels, latents) = examples(first: UInt64(state.step) << 10, count: schedule.pictures)
    var generator = TorchGenerator(seed: seed &* 1_000_003 &+ UInt64(state.step))
    let deviations = (0..<schedule.pictures).map { _ in generator.uniform() * schedule.noise }
    let noise = generator.randn(latents.shape) * Tensor(deviations, shape: [schedule.pictures, 1, 1, 1])
    let error = try model.decode(latents + noise) - pixels
    let loss = error.abs().mean() + AutoencoderTrainer.differences(error) * 0.5
    guard TrainingState.isSound(loss.item) else {
      throw TrainingError("step \(state.step): the loss is \(loss.item); use a smaller learning rate")
    }
    let gradients = try gradients(of: loss, for: state.leaves)
    state.update(gradients, learningRate: schedule.rate(state.step), averaging: 0.995)
    return loss.item
  }

  /// Mean absolute difference of neighbours in both directions.
  private static func differences(_ error: Tensor) -> Tensor {
    let (height, width) = (error.shape[1], error.shape[2])
    let rows = error.sliced(axis: 1, 1..<height) - error.sliced(axis: 1, 0..<height - 1)
    let columns = error.sliced(axis: 2, 1..<width) - error.sliced(axis: 2, 0..<width - 1)
    return rows.abs().mean() + columns.abs().mean()
  }

  /// Peak signal-to-noise ratio in dB on pictures that are never trained on: of decoded codes, and of pictures
  /// through encoder and decoder.
  func quality(pictures: Int = 32) throws -> (decoder: Float, whole: Float) {
    try withoutGradients {
      let (pixels, latents) = examples(first: 1 << 41, count: pictures)
      let decoded = try model.decode(latents)
      let whole = try model.decode(model.encode(pixels).mean)
      return (AutoencoderTrainer.decibels(decoded, pixels), AutoencoderTrainer.decibels(whole, pixels))
    }
  }

  /// Root mean square of what the encoder gives less the code, on pictures that are never trained on.
  func encoderError(pictures: Int = 8) throws -> Float {
    try withoutGradients {
      let (pixels, latents) = examples(first: 1 << 41, count: pictures)
      return try model.encode(pixels).mean.meanSquaredError(latents).item.squareRoot()
    }
  }

  private static func decibels(_ picture: Tensor, _ reference: Tensor) -> Float {
    let clamped = Tensor(picture.toArray().map { min(max($0, -1), 1) }, shape: picture.shape)
    return -10 * log10f(clamped.meanSquaredError(reference).item / 4)
  }

  /// Single frames as the video model sees them.
  private func examples(first: UInt64, count: Int) -> (pixels: Tensor, latents: Tensor) {
    var pixels: [Float] = []
    for index in 0..<count {
      pixels += corpus.sample(seed: seed &+ 17, index: first | UInt64(index), frames: 1).pixels
    }
    let latents = code.encode(pixels, size: corpus.size)
    return (Tensor(pixels, shape: [count, corpus.size, corpus.size, 3]), latents)
  }

  /// All tensors in checkpoint order, the decoder's averaged.
  func exported() -> [(name: String, tensor: Tensor)] {
    let trained = Dictionary(state.exported(prefix: "").map { ($0.name, $0.tensor) }) { first, _ in first }
    return store.exported().map { ($0.name, trained[$0.name] ?? $0.tensor) }
  }

  mutating func restore(from path: String, metadata: [String: String]) throws {
    try state.restore(from: path, metadata: metadata)
  }
}
