import Checkpoints
import Diffusion

/// What a model's makers recommend, from `motion_transfer.json` in its folder; keys are the names of the options.
public struct Recommendations: Sendable, Equatable {
  /// Cleaning of the motion values; never `auto`.
  public var debiasMode = DebiasMode.difference
  /// The first frame of a debiasing by differences.
  public var firstFrame = FirstFrame.kept
  /// Strength of an embedding.
  public var motionScale = 1.0
  /// Share of the denoising steps after which an embedding begins to act.
  public var applyFrom = 0.0
  /// Share of the denoising steps after which an embedding acts no more.
  public var applyUntil = 1.0
  /// Which temporal attentions carry an embedding.
  public var sites = "1280"
  /// One row for all pixels or one for each.
  public var embeddingDesign = EmbeddingDesign.oneTwo
  /// What learning minimises.
  public var loss = Loss.base
  /// How learning draws its time steps.
  public var timestepSampling = TimestepSampling.uniform
  /// Learning steps.
  public var inversionSteps = 250
  /// Steps of the DDIM inversion.
  public var ddimInversionSteps = 50
  /// Learning rate of an embedding.
  public var learningRate = 0.02
  /// Denoising steps.
  public var numInferenceSteps = 30
  /// Classifier-free guidance.
  public var guidanceScale = 12.0
  /// Rescaling of the guided prediction.
  public var guidanceRescale = 0.0
  /// The start where an embedding holds inverted noise.
  public var noiseInitialization = NoiseInitialization.blend
  /// Share of inverted noise where an embedding holds some.
  public var noisePrior = 0.5
  /// Prompts of clips that the model makes itself for SynMotion, in each a comma between subject and motion.
  public var priorPrompts = PriorPrompt.common
  /// Frames of a clip.
  public var numFrames = 24
  /// Width in pixels; nil: the UNet's sample size times the autoencoder's factor.
  public var width: Int?
  /// Height in pixels; nil as for `width`.
  public var height: Int?
  /// Frames a second that the model was trained at.
  public var frameRate: Double?
  /// All words that the model knows; nil: too many to list.
  public var words: Set<String>?

  /// The preset for ZeroScope and its family: the settings of Motion Inversion's authors.
  public init() {}

  /// The preset for a model's class: for AnimateDiff its authors' usual settings, with the sites at the sizes that
  /// Motion Inversion's authors chose for ZeroScope.
  init(preset unet: UNetConfiguration) {
    guard let motion = unet.motion else { return }
    sites = "down_blocks.2,up_blocks.1"
    numInferenceSteps = 25
    guidanceScale = 7.5
    numFrames = min(16, motion.maximumFrames)
    frameRate = 8
  }

  /// - Parameter preset: what the file does not say
  /// - Throws: `CheckpointError` that names the key, for a wrong value
  init(_ json: Configuration, preset: Recommendations = Recommendations()) throws {
    self = preset
    if json.has("debias-mode") {
      let names = DebiasMode.allCases.filter { $0 != .auto }.map(\.rawValue)
      debiasMode = DebiasMode(rawValue: try json.string("debias-mode", among: names)) ?? debiasMode
    }
    firstFrame = try json.choice("first-frame", default: firstFrame)
    motionScale = try json.double("motion-scale", default: motionScale)
    applyFrom = try json.double("apply-from", default: applyFrom)
    applyUntil = try json.double("apply-until", default: applyUntil)
    sites = try json.string("sites", default: sites)
    embeddingDesign = try json.choice("embedding-design", default: embeddingDesign)
    loss = try json.choice("loss", default: loss)
    timestepSampling = try json.choice("timestep-sampling", default: timestepSampling)
    noiseInitialization = try json.choice("noise-initialization", default: noiseInitialization)
    inversionSteps = try json.int("inversion-steps", in: 1...100_000, default: inversionSteps)
    ddimInversionSteps = try json.int("ddim-inversion-steps", in: 0...1000, default: ddimInversionSteps)
    learningRate = try json.double("learning-rate", default: learningRate)
    numInferenceSteps = try json.int("num-inference-steps", in: 1...1000, default: numInferenceSteps)
    guidanceScale = try json.double("guidance-scale", default: guidanceScale)
    guidanceRescale = try json.double("guidance-rescale", default: guidanceRescale)
    noisePrior = try json.double("noise-prior", default: noisePrior)
    if json.has("prior-prompts") { priorPrompts = try json.strings("prior-prompts") }
    numFrames = try json.int("num-frames", in: 1...1024, default: numFrames)
    if json.has("width") { width = try json.int("width", in: 8...8192) }
    if json.has("height") { height = try json.int("height", in: 8...8192) }
    if json.has("frame-rate") { frameRate = try json.double("frame-rate") }
    if json.has("words") { words = Set(try json.strings("words").map { $0.lowercased() }) }
  }

  /// The words of a prompt that the model has never seen, in order; empty where it has no word list.
  public func unknownWords(in prompt: String) -> [String] {
    guard let words else { return [] }
    return prompt.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }).map(String.init)
      .filter { !words.contains($0) }
  }
}
