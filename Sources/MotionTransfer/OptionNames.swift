/// Options by the names that the command line gives them, with their values as text: for the C library and for files that
/// list settings.
extension Options {
  /// Sets the option that the command line calls `name`.
  ///
  /// - Throws: `settings` for a name that there is not, or a value of another kind
  public mutating func set(_ name: String, _ value: String) throws(MotionTransferError) {
    switch name {
    case "prompt": prompt = value
    case "negative-prompt": negativePrompt = value
    case "reference-prompt": referencePrompt = value
    case "motion-phrase": motionPhrase = value
    case "prior-prompts": priorPrompts = value
    case "sites": sites = value
    case "scheduler": scheduler = value
    case "lora-weights": loraWeights = value
    case "adapter-weights": adapterWeights = value
    case "learning-checkpoint": learningCheckpoint = value
    case "resample": resample = try Self.flag(name, value)
    case "v1-group-norm": v1GroupNorm = try Self.flag(name, value)
    case "vae-tiling": memory.vaeTiling = try Self.flag(name, value)
    case "gradient-checkpointing": memory.gradientCheckpointing = try Self.flag(name, value)
    case "highway-level": highwayLevels = value
    case "memory-budget":
      guard let bytes = MemoryOptions.bytes(value) else { throw Self.error(name, value, "bytes, such as 600M or 4G") }
      memory.budget = bytes
    default: try setChoice(name, value)
    }
  }

  private mutating func setChoice(_ name: String, _ value: String) throws(MotionTransferError) {
    switch name {
    case "method": method = try Self.choice(name, value)
    case "lora-targets": lowRankTargets = try Self.choice(name, value)
    case "appearance-highway": appearanceHighway = try Self.choice(name, value)
    case "debias-mode": debiasMode = try Self.choice(name, value)
    case "first-frame": firstFrame = try Self.choice(name, value)
    case "noise-initialization": noiseInitialization = try Self.choice(name, value)
    case "embedding-design": embeddingDesign = try Self.choice(name, value)
    case "loss": loss = try Self.choice(name, value)
    case "timestep-sampling": timestepSampling = try Self.choice(name, value)
    case "arithmetic": arithmetic = try Self.choice(name, value)
    case "convolution": convolution = try Self.choice(name, value)
    default: try setNumber(name, value)
    }
  }

  private mutating func setNumber(_ name: String, _ value: String) throws(MotionTransferError) {
    switch name {
    case "lora-rank": rank = try Self.number(name, value)
    case "lora-dropout": dropout = try Self.number(name, value)
    case "prior-share": priorShare = try Self.number(name, value)
    case "lora-scale": loraScale = try Self.number(name, value)
    case "highway-scale": highwayScale = try Self.number(name, value)
    case "query-key-scale": queryKeyScale = try Self.number(name, value)
    case "value-scale": valueScale = try Self.number(name, value)
    case "apply-from": applyFrom = try Self.number(name, value)
    case "apply-until": applyUntil = try Self.number(name, value)
    case "motion-scale": motionScale = try Self.number(name, value)
    case "inversion-steps": inversionSteps = try Self.number(name, value)
    case "ddim-inversion-steps": ddimInversionSteps = try Self.number(name, value)
    case "learning-rate": learningRate = try Self.number(name, value)
    case "num-inference-steps": numInferenceSteps = try Self.number(name, value)
    case "guidance-scale": guidanceScale = try Self.number(name, value)
    case "guidance-rescale": guidanceRescale = try Self.number(name, value)
    case "noise-prior": noisePrior = try Self.number(name, value)
    default: try setSize(name, value)
    }
  }

  private mutating func setSize(_ name: String, _ value: String) throws(MotionTransferError) {
    switch name {
    case "seed": seed = try Self.number(name, value)
    case "num-frames": numFrames = try Self.number(name, value)
    case "context-length": contextLength = try Self.number(name, value)
    case "context-overlap": contextOverlap = try Self.number(name, value)
    case "width": width = try Self.number(name, value)
    case "height": height = try Self.number(name, value)
    case "frame-rate": frameRate = try Self.number(name, value)
    case "feed-forward-chunk": memory.feedForwardChunk = try Self.number(name, value)
    default: throw MotionTransferError(.settings, "found no option \(name); see motiontransfer help learn and generate")
    }
  }

  private static func choice<C: CaseIterable & RawRepresentable<String>>(_ name: String, _ value: String)
    throws(MotionTransferError) -> C
  {
    guard let choice = C(rawValue: value) else {
      throw error(name, value, C.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  private static func flag(_ name: String, _ value: String) throws(MotionTransferError) -> Bool {
    guard let flag = Bool(value) else { throw error(name, value, "true or false") }
    return flag
  }

  private static func number<N: LosslessStringConvertible>(_ name: String, _ value: String) throws(MotionTransferError)
    -> N
  {
    guard let number = N(value) else { throw error(name, value, "a number") }
    return number
  }

  private static func error(_ name: String, _ value: String, _ expected: String) -> MotionTransferError {
    MotionTransferError(.settings, "\(name): found \(value), expected \(expected)")
  }
}
