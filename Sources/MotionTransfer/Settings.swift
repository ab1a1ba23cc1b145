import Diffusion
import Layers

/// Options with the model's recommendations filled in, all checked.
struct Settings: Sendable {
  var prompt: String
  let negativePrompt: String
  let referencePrompt: String
  let method: Method
  let motionPhrase: String
  var priorPrompts: [PriorPrompt]
  let priorShare: Float
  let lowRankTargets: LowRankTargets
  let rank: Int
  let dropout: Float
  let loraScale: Float
  let highway: AppearanceHighway?
  let loraWeights: [(path: String, weight: Float)]
  let v1GroupNorm: Bool
  let debiasMode: DebiasMode
  let firstFrame: FirstFrame
  let queryKeyScale: Float
  let valueScale: Float
  var applyRange: ClosedRange<Double>
  let sites: String
  /// Whether the user chose them.
  let choosesSites: Bool
  let embeddingDesign: EmbeddingDesign
  let loss: Loss
  let timestepSampling: TimestepSampling
  var inversionSteps: Int
  var ddimInversionSteps: Int
  let learningRate: Double
  let numInferenceSteps: Int
  /// Ready for `numInferenceSteps` steps.
  var scheduler: any Scheduler
  let guidanceScale: Float
  let guidanceRescale: Float
  /// nil: as recommended, where the embedding holds inverted noise.
  let noiseInitialization: NoiseInitialization?
  let noisePrior: Double?
  let recommendedNoiseInitialization: NoiseInitialization
  private(set) var recommendedNoisePrior: Double
  let arithmetic: Arithmetic
  let convolution: ConvolutionMethod
  var memory: MemoryOptions
  let seed: UInt64
  let frameRate: Double?
  let geometry: Geometry
  let windows: FrameWindows

  init(_ options: Options, _ model: ModelDescription) throws(MotionTransferError) {
    let recommended = model.recommendations
    prompt = try Self.text("prompt", options.prompt)
    negativePrompt = try Self.text("negative-prompt", options.negativePrompt)
    referencePrompt = try Self.text("reference-prompt", options.referencePrompt ?? "")
    let method = options.method ?? .motionInversion
    self.method = method
    motionPhrase = try Self.text("motion-phrase", options.motionPhrase ?? "")
    priorPrompts = try PriorPrompt.list(
      try Self.text("prior-prompts", options.priorPrompts ?? recommended.priorPrompts.joined(separator: ";")))
    priorShare = Float(try Self.number("prior-share", options.priorShare ?? 0.25, in: 0...1))
    lowRankTargets = options.lowRankTargets ?? method.lowRankTargets
    rank = try Self.number("lora-rank", options.rank ?? 32, in: 1...1024)
    dropout = Float(try Self.number("lora-dropout", options.dropout ?? (method == .synMotion ? 0 : 0.1), in: 0...0.9))
    loraScale = Float(try Self.number("lora-scale", options.loraScale ?? 1, in: -10...10))
    highway = try Self.highway(options, model)
    loraWeights = try Self.loraWeights(options)
    v1GroupNorm = options.v1GroupNorm
    guard !v1GroupNorm || model.unet.motion != nil else {
      throw MotionTransferError(
        .settings, "v1-group-norm: found a model without motion modules, expected one with AnimateDiff's of version 1")
    }
    debiasMode = options.debiasMode == .auto ? recommended.debiasMode : options.debiasMode
    firstFrame = options.firstFrame ?? recommended.firstFrame
    let scale = try Self.number("motion-scale", options.motionScale ?? recommended.motionScale, in: 0...10)
    queryKeyScale = Float(try Self.number("query-key-scale", options.queryKeyScale ?? scale, in: 0...10))
    valueScale = Float(try Self.number("value-scale", options.valueScale ?? scale, in: 0...10))
    let until = try Self.number("apply-until", options.applyUntil ?? recommended.applyUntil, in: 0...1)
    let from = try Self.number("apply-from", options.applyFrom ?? min(recommended.applyFrom, until), in: 0...until)
    applyRange = from...until
    let asked = options.sites ?? "auto"
    sites = asked == "auto" ? recommended.sites : asked
    choosesSites = asked != "auto" && asked != "all"
    embeddingDesign = options.embeddingDesign ?? recommended.embeddingDesign
    loss = options.loss ?? method.loss ?? recommended.loss
    guard method != .synMotion || loss != .hybrid else {
      throw MotionTransferError(
        .settings, "loss: found hybrid, expected another for syn-motion, whose clips of its own stand for looks")
    }
    timestepSampling = options.timestepSampling ?? recommended.timestepSampling
    inversionSteps = try Self.number(
      "inversion-steps", options.inversionSteps ?? method.steps ?? recommended.inversionSteps, in: 1...100_000)
    ddimInversionSteps = try Self.number(
      "ddim-inversion-steps", options.ddimInversionSteps ?? recommended.ddimInversionSteps, in: 0...1000)
    learningRate = try Self.number(
      "learning-rate", options.learningRate ?? method.learningRate ?? recommended.learningRate, in: 1e-8...100)
    numInferenceSteps = try Self.number(
      "num-inference-steps", options.numInferenceSteps ?? recommended.numInferenceSteps, in: 1...1000)
    scheduler = try Self.scheduler(options, model, steps: numInferenceSteps)
    guidanceScale = Float(
      try Self.number("guidance-scale", options.guidanceScale ?? recommended.guidanceScale, in: 0...100))
    guidanceRescale = Float(
      try Self.number("guidance-rescale", options.guidanceRescale ?? recommended.guidanceRescale, in: 0...1))
    noisePrior = try options.noisePrior.map { p throws(MotionTransferError) in
      try Self.number("noise-prior", p, in: 0...1)
    }
    noiseInitialization = options.noiseInitialization
    recommendedNoiseInitialization = recommended.noiseInitialization
    // Asked for by name, a blend is one.
    let blends = options.noiseInitialization == .blend || options.noiseInitialization == .blendedFrequency
    recommendedNoisePrior = blends && recommended.noisePrior == 0 ? 0.5 : recommended.noisePrior
    arithmetic = options.arithmetic
    convolution = options.convolution
    memory = options.memory
    if let budget = memory.budget { _ = try Self.number("memory-budget", budget, in: 1...1 << 50) }
    if let chunk = memory.feedForwardChunk { _ = try Self.number("feed-forward-chunk", chunk, in: 1...1 << 24) }
    seed = options.seed
    frameRate = try (options.frameRate ?? recommended.frameRate).map { rate throws(MotionTransferError) in
      try Self.number("frame-rate", rate, in: 0.01...1000)
    }
    geometry = try model.geometry(options)
    let length = try Self.number(
      "context-length", options.contextLength ?? geometry.numFrames, in: 1...max(geometry.numFrames, 256))
    let overlap = try Self.number("context-overlap", options.contextOverlap ?? length / 2, in: 0...length - 1)
    windows = FrameWindows(frames: geometry.numFrames, length: length, overlap: overlap)
    guard windows.length > 1 || ![.vmcPaper, .vmcCode].contains(loss) else {
      throw MotionTransferError(
        .settings, "loss: \(loss.rawValue) compares neighbouring frames; found 1 frame at once, expected at least 2")
    }
  }

  /// For a motion that is no embedding: what a model recommends for its embeddings does not count; the motion acts in all
  /// steps, from as much inverted noise as its method's authors take.
  mutating func adopt(_ motion: MotionEmbedding, _ options: Options) {
    guard motion.blocks.isEmpty else { return }
    let until = options.applyUntil ?? 1
    applyRange = (options.applyFrom ?? 0)...until
    let method = motion.metadata["method"].flatMap(Method.init(rawValue:))
    recommendedNoisePrior = method?.noisePrior ?? recommendedNoisePrior
  }

  /// Whether the adapters act at step `index` of `count`.
  func adapts(step index: Int, of count: Int) -> Bool {
    let place = Double(index)
    return place >= applyRange.lowerBound * Double(count) && place < applyRange.upperBound * Double(count)
  }

  private static func loraWeights(
    _ options: Options
  ) throws(MotionTransferError) -> [(path: String, weight: Float)] {
    let files = options.loraWeights?.split(separator: ",").map(String.init) ?? []
    let weights = options.adapterWeights?.split(separator: ",").map { Float($0.filter { $0 != " " }) ?? .nan }
    guard (weights ?? []).allSatisfy({ abs($0) <= 100 }), [0, files.count].contains(weights?.count ?? 0) else {
      throw MotionTransferError(
        .settings,
        "adapter-weights: found \(options.adapterWeights ?? ""), expected a number from -100 to 100 for each of the "
          + "\(files.count) files of lora-weights")
    }
    return files.enumerated().map { ($1, weights?[$0] ?? 1) }
  }

  private static func highway(
    _ options: Options, _ model: ModelDescription
  ) throws(MotionTransferError) -> AppearanceHighway? {
    let scale = Float(try number("highway-scale", options.highwayScale ?? 1.1, in: 0...10))
    let attentive = model.unet.downAttention.indices.filter { model.unet.downAttention[$0] }
    let items = options.highwayLevels?.split(separator: ",").map { Int($0.filter { $0 != " " }) }
    guard items?.allSatisfy({ $0.map(attentive.contains) ?? false }) ?? true else {
      throw MotionTransferError(
        .settings,
        "highway-level: found \(options.highwayLevels ?? ""), expected levels with attention, of \(attentive)")
    }
    let chosen = items.map { Set($0.compactMap { $0 }) }
    switch options.appearanceHighway ?? .none {
    case .none: return nil
    case .paper: return AppearanceHighway(levels: chosen ?? Set(attentive), scale: scale)
    case .reference:
      guard let deepest = attentive.last else { return nil }
      return AppearanceHighway(
        levels: chosen ?? [deepest], scale: scale, scaledChannels: model.unet.blockOutChannels[deepest])
    }
  }

  static func number<N: Comparable>(
    _ name: String, _ value: N, in range: ClosedRange<N>
  ) throws(MotionTransferError) -> N {
    guard range.contains(value) else {
      throw MotionTransferError(
        .settings, "\(name): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private static func scheduler(
    _ options: Options, _ model: ModelDescription, steps: Int
  ) throws(MotionTransferError) -> any Scheduler {
    var scheduler = try model.scheduler(options.scheduler ?? "auto")
    do throws(SchedulerError) {
      try scheduler.setTimesteps(steps)
    } catch {
      throw MotionTransferError(.settings, "num-inference-steps: \(error)")
    }
    return scheduler
  }

  /// Prompts are cut to the tokenizer's length anyway; one of a megabyte is a mistake.
  private static func text(_ name: String, _ value: String) throws(MotionTransferError) -> String {
    guard value.utf8.count <= 16_384 else {
      throw MotionTransferError(
        .settings, "\(name): found \(value.utf8.count) bytes, expected at most 16384; shorten it")
    }
    return value
  }
}

/// Sizes of a clip.
public struct Geometry: Sendable, Equatable {
  /// F
  public let numFrames: Int
  /// Pixels.
  public let width: Int
  /// Pixels.
  public let height: Int
  /// Width and height are multiples of this.
  public let multiple: Int
}

extension Method {
  /// What carries their low-rank additions.
  fileprivate var lowRankTargets: LowRankTargets {
    switch self {
    case .tap: .key
    case .synMotion: .queryKeyValue
    case .motionInversion, .motionDirector, .vmc: .all
    }
  }

  /// What the method's authors minimise; nil: the model's recommendation.
  fileprivate var loss: Loss? {
    switch self {
    case .motionInversion: nil
    case .motionDirector, .tap: .hybrid
    case .vmc: .vmcPaper
    case .synMotion: .base
    }
  }

  /// The share of inverted noise that a clip of theirs starts from; nil as above.
  fileprivate var noisePrior: Double? {
    switch self {
    case .motionInversion: nil
    case .motionDirector: 0.5
    case .tap: 0.2
    case .vmc: 1
    case .synMotion: 0
    }
  }

  /// Their learning steps; nil as above.
  fileprivate var steps: Int? {
    switch self {
    case .motionInversion: nil
    case .motionDirector: 300
    case .tap: 1000
    case .vmc: 400
    case .synMotion: 2000
    }
  }

  /// Their learning rate; nil as above.
  fileprivate var learningRate: Double? {
    switch self {
    case .motionInversion: nil
    case .motionDirector, .tap: 5e-4
    case .vmc: 1e-4
    case .synMotion: 2e-5
    }
  }
}
