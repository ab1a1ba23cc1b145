import Checkpoints
import Diffusion
import Layers
import Tensors

/// Trains the video UNet and its text encoder together on the patch code of corpus clips.
///
/// v-prediction, mean squared error; pictures first, then clips with pictures among them.
struct VideoTrainer {
  /// What a step draws.
  struct Batch {
    /// Frames of each example.
    let frames: Int
    /// Examples of the step.
    let count: Int
  }

  private(set) var state: TrainingState
  private let unet: UNet3DConditionModel
  private let textEncoder: CLIPTextModel
  private let noiseSchedule: NoiseSchedule
  private let tokenizer: TokenizerFiles
  private let ids: [String: Int]
  private let corpus: Corpus
  private let code: PatchCode
  private let recipe: Recipe
  private let seed: UInt64
  let schedule: Schedule

  /// How a run is divided.
  struct Schedule: Sendable {
    var rate: LearningRate
    /// Share of the steps that see pictures only.
    var pictureShare: Float = 0.12
    /// Afterwards every n-th step sees pictures.
    var pictureInterval = 6
    var pictures = 48
    var clips = 8

    func batch(_ step: Int, frames: Int) -> Batch {
      let first = Int(pictureShare * Float(rate.steps))
      return step < first || step % pictureInterval == 0
        ? Batch(frames: 1, count: pictures) : Batch(frames: frames, count: clips)
    }
  }

  /// - Parameter warmStart: gives the weights that it has, named as those of ``ModelFolder``; nil: all are random.
  init(
    recipe: Recipe, corpus: Corpus, code: PatchCode, seed: UInt64, schedule: Schedule,
    warmStart: (any WeightSource)? = nil
  ) throws {
    let tokenizer = TokenizerFiles(words: corpus.words, maximumLength: recipe.promptLength)
    let random = TemperedWeights(RandomWeights(seed: seed))
    let store = ParameterStore(warmStart.map { WarmStart($0, otherwise: random) } ?? random)
    let weights = Weights(store, name: "random initialisation")
    unet = try UNet3DConditionModel(
      weights.root["unet"], UNetConfiguration(Recipe.parsed(recipe.unetConfiguration)))
    textEncoder = try CLIPTextModel(
      weights.root["text_encoder"],
      CLIPTextConfiguration(Recipe.parsed(recipe.textConfiguration(tokenizer))))
    noiseSchedule = try DDIMScheduler(Recipe.parsed(Recipe.schedulerConfiguration)).noiseSchedule
    state = TrainingState(store.parameters)
    ids = tokenizer.ids()
    self.tokenizer = tokenizer
    self.recipe = recipe
    self.corpus = corpus
    self.code = code
    self.seed = seed
    self.schedule = schedule
  }

  /// One optimisation step.
  ///
  /// - Returns: the loss before the step, and the frames of the examples that it saw.
  mutating func step() throws -> (loss: Float, frames: Int) {
    let (latents, tokens) = examples(state.step)
    let count = tokens.count
    var generator = TorchGenerator(seed: seed &* 1_000_003 &+ UInt64(state.step))
    let timesteps = (0..<count).map { index in
      // One draw in each of `count` equal ranges: less noise in the loss than independent draws.
      Int((Float(index) + generator.uniform()) * 1000 / Float(count))
    }
    let noise = generator.randn(latents.shape)
    let noisy = noiseSchedule.addNoise(latents, noise, timesteps: timesteps)
    let target = noiseSchedule.target(latents, noise, timesteps: timesteps)
    let text = TextContext(try textEncoder(tokens))
    let loss = try unet(noisy, timesteps: timesteps, text: text).meanSquaredError(target)
    guard TrainingState.isSound(loss.item) else {
      throw TrainingError("step \(state.step): the loss is \(loss.item); use a smaller learning rate")
    }
    let gradients = try gradients(of: loss, for: state.leaves)
    state.update(gradients, learningRate: schedule.rate(state.step))
    return (loss.item, latents.shape[1])
  }

  /// What a step sees.
  ///
  /// - Returns: latents (count, frames, h, w, C) and the token ids of their captions.
  func examples(_ step: Int) -> (latents: Tensor, tokens: [[Int]]) {
    let batch = schedule.batch(step, frames: recipe.frames)
    var pixels: [Float] = []
    var tokens: [[Int]] = []
    pixels.reserveCapacity(batch.count * batch.frames * recipe.size * recipe.size * 3)
    for index in 0..<batch.count {
      let sample = corpus.sample(seed: seed, index: UInt64(step) << 10 | UInt64(index), frames: batch.frames)
      pixels += sample.pixels
      tokens.append(tokenizer.encode(sample.caption, ids))
    }
    let latents = code.encode(pixels, size: recipe.size)
    return (latents.reshaped([batch.count, batch.frames] + latents.shape.suffix(3)), tokens)
  }

  mutating func restore(from path: String, metadata: [String: String]) throws {
    try state.restore(from: path, metadata: metadata)
  }
}

/// Random initialisation that starts calm: the last layer of each residual branch is scaled down, and token
/// embeddings are scaled up to what a norm expects.
struct TemperedWeights: WeightSource {
  private let base: any WeightSource

  init(_ base: any WeightSource) { self.base = base }

  var names: [String] { [] }
  var creates: Bool { true }
  func shape(of name: String) -> [Int]? { nil }

  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    let tensor = try base.tensor(
      name, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
    if name.contains("embedding.weight") { return tensor * 5 }
    let isLast =
      name.hasSuffix("proj_out.weight") || name.hasSuffix("conv_out.weight")
      || name.hasSuffix("conv2.weight") && name.contains("resnets")
    return isLast ? tensor * 0.3 : tensor
  }
}
