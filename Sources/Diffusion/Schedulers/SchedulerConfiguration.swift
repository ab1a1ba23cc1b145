import Checkpoints

/// The keys of `scheduler/scheduler_config.json` that all schedulers share: how much noise there is at each training
/// step, what the model predicts, and which steps a sampler visits.
public struct SchedulerConfiguration: Sendable, Equatable {
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

  /// Values of absent keys: diffusers' classes differ in them.
  struct Defaults {
    var betaSchedule = BetaSchedule.linear
    var betaStart = 0.0001
    var betaEnd = 0.02
    var timestepSpacing = TimestepSpacing.leading
    var setsAlphaToOne = true
    /// nil: the class has no such key and never clips.
    var clipsSample: Bool?
  }

  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  init(_ json: Configuration, _ defaults: Defaults) throws {
    trainTimesteps = try json.int("num_train_timesteps", default: 1000)
    betaSchedule = try json.choice("beta_schedule", default: defaults.betaSchedule)
    betaStart = try json.double("beta_start", default: defaults.betaStart)
    betaEnd = try json.double("beta_end", default: defaults.betaEnd)
    rescalesBetasToZeroSNR = try json.bool("rescale_betas_zero_snr", default: false)
    predictionType = try json.choice("prediction_type", default: .epsilon)
    timestepSpacing = try json.choice("timestep_spacing", default: defaults.timestepSpacing)
    stepsOffset = try json.int("steps_offset", in: 0...1 << 20, default: 0)
    setsAlphaToOne = try json.bool("set_alpha_to_one", default: defaults.setsAlphaToOne)
    if let clips = defaults.clipsSample, try json.bool("clip_sample", default: clips) {
      clipSampleRange = Float(try json.double("clip_sample_range", default: 1))
    }
    for (key, value) in [("beta_start", betaStart), ("beta_end", betaEnd)] where !(0..<1 ~= value) {
      throw json.error(key, expected: "0 or more and below 1")
    }
    try json.refuse("thresholding", because: "it is unsuitable for latents")
    guard !json.has("trained_betas") else {
      throw json.error("trained_betas", expected: "null: use beta_schedule")
    }
  }
}

extension Configuration {
  /// An error where a switch is on that this engine does not have.
  func refuse(_ key: String, because reason: String) throws {
    guard try !bool(key, default: false) else { throw error(key, expected: "false: \(reason)") }
  }
}
