/// How a motion embedding's values are cleaned of the reference's appearance before they are applied.
public enum DebiasMode: String, CaseIterable, Sendable {
  /// The model's recommendation.
  case auto
  /// Differences of neighbouring frames, the first frame kept (Motion Inversion, eq. 5).
  case difference
  /// The mean over all frames is subtracted (the paper's ablation "normalize").
  case normalize
  /// The values as they were learned.
  case none
  /// No values at all, only queries and keys: for camera motion.
  case camera
}

/// What a user asks for. nil is the model's recommendation.
public struct Options: Sendable {
  /// What the result shows.
  public var prompt = ""
  /// What it should not show.
  public var negativePrompt = ""
  /// What the reference shows, used while learning; nil is the empty prompt.
  public var referencePrompt: String?
  /// Cleaning of the motion values.
  public var debiasMode = DebiasMode.auto
  /// Strength of the embedding, on queries, keys and values alike.
  public var motionScale: Double?
  /// Which temporal attentions carry an embedding: `auto`, `all`, or a list; see `MotionSites`.
  public var sites: String?
  /// Learning steps.
  public var inversionSteps: Int?
  /// Steps of the DDIM inversion whose noise is stored with the embedding; 0 stores none.
  public var ddimInversionSteps: Int?
  /// Learning rate of the embedding.
  public var learningRate: Double?
  /// Sampler: a name of `SchedulerName`, or of diffusers' class; nil and `auto`: the model's own.
  public var scheduler: String?
  /// Denoising steps.
  public var numInferenceSteps: Int?
  /// Weight of the prompt against the negative prompt; at most 1 switches guidance off.
  public var guidanceScale: Double?
  /// Share of the guided prediction that is rescaled to the deviation of the unguided one (Lin et al. 2023).
  public var guidanceRescale: Double?
  /// p in sqrt(p) · inverted noise + sqrt(1 - p) · fresh noise.
  public var noisePrior: Double?
  /// Seed of everything random.
  public var seed: UInt64 = 0
  /// F
  public var numFrames: Int?
  /// Width in pixels.
  public var width: Int?
  /// Height in pixels.
  public var height: Int?
  /// Frames a second of the reference; noted in the embedding file.
  public var frameRate: Double?

  /// Everything left to the model.
  public init() {}
}
