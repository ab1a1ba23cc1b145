/// What a user asks for. nil is the model's recommendation.
public struct Options: Sendable {
  /// What the result shows.
  public var prompt = ""
  /// What it should not show.
  public var negativePrompt = ""
  /// What the reference shows, used while learning; nil is the empty prompt.
  public var referencePrompt: String?
  /// How motion is learned.
  public var method: Method?
  /// The words of the reference prompt that name its motion (SynMotion).
  public var motionPhrase: String?
  /// Prompts of clips that the model makes itself, for the looks of others than the reference (SynMotion): semicolons between
  /// them, in each a comma between its subject and its motion; nil: the model's.
  public var priorPrompts: String?
  /// Share of the learning steps that see such a clip; nil: 0.25.
  public var priorShare: Double?
  /// Which linear maps carry low-rank additions; nil: the method's.
  public var lowRankTargets: LowRankTargets?
  /// Rank of low-rank additions; nil: 32.
  public var rank: Int?
  /// Share of a low-rank addition that a learning step drops; nil: 0.1.
  public var dropout: Double?
  /// Strength of low-rank additions and of weight differences; nil: 1.
  public var loraScale: Double?
  /// Files of low-rank additions to the model itself, such as AnimateDiff's domain adapter, with commas between (diffusers'
  /// `load_lora_weights`).
  public var loraWeights: String?
  /// Their strengths, with commas between (diffusers' `set_adapters`); nil: 1 each.
  public var adapterWeights: String?
  /// Whether ResNets normalise over all frames of a clip, as AnimateDiff's own code does for v1
  /// (`use_inflated_groupnorm: false`), and not over each.
  public var v1GroupNorm = false
  /// Skip connections that pass the temporal layers by.
  public var appearanceHighway: HighwayPreset?
  /// What they are multiplied by; nil: 1.1.
  public var highwayScale: Double?
  /// Down blocks, counted from the largest picture and with commas between, whose skips are rewired; nil: the preset's.
  public var highwayLevels: String?
  /// Cleaning of the motion values.
  public var debiasMode = DebiasMode.auto
  /// The first frame when values are debiased by differences.
  public var firstFrame: FirstFrame?
  /// Strength of the embedding, on queries, keys and values alike.
  public var motionScale: Double?
  /// Strength on queries and keys alone; nil: `motionScale`.
  public var queryKeyScale: Double?
  /// Strength on values alone; nil: `motionScale`.
  public var valueScale: Double?
  /// Share of the denoising steps after which the embedding begins to act, 0 to 1.
  public var applyFrom: Double?
  /// Share of the denoising steps after which it acts no more, 0 to 1.
  public var applyUntil: Double?
  /// Whether an embedding of another size or length is resampled; else it is an error.
  public var resample = false
  /// Which temporal attentions carry an embedding: `auto`, `all`, or a list; see `MotionSites`.
  public var sites: String?
  /// One row for all pixels or one for each.
  public var embeddingDesign: EmbeddingDesign?
  /// What learning minimises.
  public var loss: Loss?
  /// How learning draws its time steps.
  public var timestepSampling: TimestepSampling?
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
  /// How the start is made of inverted and fresh noise.
  public var noiseInitialization: NoiseInitialization?
  /// p in sqrt(p) · inverted noise + sqrt(1 - p) · fresh noise.
  public var noisePrior: Double?
  /// Seed of everything random.
  public var seed: UInt64 = 0
  /// F
  public var numFrames: Int?
  /// Frames that the model sees at once; nil: all.
  public var contextLength: Int?
  /// Frames that neighbouring windows share; nil: half a window.
  public var contextOverlap: Int?
  /// Width in pixels.
  public var width: Int?
  /// Height in pixels.
  public var height: Int?
  /// Frames a second of the reference; noted in the embedding file.
  public var frameRate: Double?
  /// File that learning's state is written to and goes on from; nil: none.
  public var learningCheckpoint: String?
  /// Seconds between two writings of it.
  public var checkpointSeconds = 30.0

  /// What products are computed with.
  public var arithmetic = Arithmetic.float32
  /// How 3x3 convolutions and those over time are computed; `bfloat16` products take sums as written.
  public var convolution = ConvolutionMethod.winograd2
  /// What is traded against memory.
  public var memory = MemoryOptions()

  /// Everything left to the model.
  public init() {}
}
