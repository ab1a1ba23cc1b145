public import Checkpoints

/// Settings of a `DDIMScheduler`, from `scheduler/scheduler_config.json`.
public struct DDIMConfiguration: Sendable, Equatable {
  /// T, number of training steps.
  public var trainTimesteps: Int
  /// Shape of the noise levels.
  public var betaSchedule: BetaSchedule
  /// β of the first training step.
  public var betaStart: Double
  /// β of the last training step.
  public var betaEnd: Double
  /// Whether the last training step is made pure noise.
  public var rescalesBetasToZeroSNR: Bool
  /// What the model predicts.
  public var predictionType: PredictionType
  /// Which training steps a sampler visits.
  public var timestepSpacing: TimestepSpacing
  /// Added to the time steps of `leading`.
  public var stepsOffset: Int
  /// Whether the level after the last sampling step is ᾱ = 1 rather than that of training step 0.
  public var setsAlphaToOne: Bool
  /// Predicted samples are kept within ± this; nil leaves them.
  public var clipSampleRange: Float?

  /// Reads diffusers' keys, with the defaults of its `DDIMScheduler`.
  ///
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  public init(_ json: Configuration) throws {
    trainTimesteps = try json.int("num_train_timesteps", default: 1000)
    betaSchedule = try Self.choice(json, "beta_schedule", default: .linear)
    betaStart = try json.double("beta_start", default: 0.0001)
    betaEnd = try json.double("beta_end", default: 0.02)
    rescalesBetasToZeroSNR = try json.bool("rescale_betas_zero_snr", default: false)
    predictionType = try Self.choice(json, "prediction_type", default: .epsilon)
    timestepSpacing = try Self.choice(json, "timestep_spacing", default: .leading)
    stepsOffset = try json.int("steps_offset", in: 0...1 << 20, default: 0)
    setsAlphaToOne = try json.bool("set_alpha_to_one", default: true)
    clipSampleRange =
      try json.bool("clip_sample", default: true)
      ? Float(try json.double("clip_sample_range", default: 1)) : nil
    for (key, value) in [("beta_start", betaStart), ("beta_end", betaEnd)] where !(0..<1 ~= value) {
      throw json.error(key, expected: "0 or more and below 1")
    }
    guard try !json.bool("thresholding", default: false) else {
      throw json.error("thresholding", expected: "false: it is unsuitable for latents")
    }
    guard !json.has("trained_betas") else {
      throw json.error("trained_betas", expected: "null: use beta_schedule")
    }
  }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ json: Configuration, _ key: String, default standard: Choice
  ) throws -> Choice where Choice.RawValue == String {
    let name = try json.string(key, among: Choice.allCases.map(\.rawValue), default: standard.rawValue)
    return Choice(rawValue: name) ?? standard
  }
}
