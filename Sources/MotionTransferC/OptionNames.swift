import MotionTransfer

extension Options {
  /// Sets the option that the command line calls `name`.
  ///
  /// - Throws: `settings` for a name that there is not, or a value of another kind
  mutating func set(_ name: String, _ value: String) throws(MotionTransferError) {
    switch name {
    case "prompt": prompt = value
    case "negative-prompt": negativePrompt = value
    case "reference-prompt": referencePrompt = value
    case "sites": sites = value
    case "scheduler": scheduler = value
    case "debias-mode": debiasMode = try Self.choice(name, value)
    case "first-frame": firstFrame = try Self.choice(name, value)
    case "noise-initialization": noiseInitialization = try Self.choice(name, value)
    case "embedding-design": embeddingDesign = try Self.choice(name, value)
    case "loss": loss = try Self.choice(name, value)
    case "timestep-sampling": timestepSampling = try Self.choice(name, value)
    case "learning-checkpoint": learningCheckpoint = value
    case "resample": resample = value == "true"
    case "vae-tiling": memory.vaeTiling = value == "true"
    case "gradient-checkpointing": memory.gradientCheckpointing = value == "true"
    case "seed": seed = try Self.number(name, value)
    default: try setNumber(name, value)
    }
  }

  private mutating func setNumber(_ name: String, _ value: String) throws(MotionTransferError) {
    switch name {
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
    case "feed-forward-chunk": memory.feedForwardChunk = try Self.number(name, value)
    case "num-frames": numFrames = try Self.number(name, value)
    case "width": width = try Self.number(name, value)
    case "height": height = try Self.number(name, value)
    case "frame-rate": frameRate = try Self.number(name, value)
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
