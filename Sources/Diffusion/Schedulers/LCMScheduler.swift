public import Checkpoints
public import Tensors

/// Multistep sampling of latent consistency models (Luo et al. 2023, algorithm 3; diffusers' `LCMScheduler`): each step
/// predicts the sample and puts fresh noise on it.
public struct LCMScheduler: Scheduler {
  /// See ``Scheduler/noiseSchedule``.
  public let noiseSchedule: NoiseSchedule
  /// See ``Scheduler/timesteps``.
  public private(set) var timesteps: [Float] = []
  /// Number of steps of the distilled sampler, of which a few are visited.
  private let originalSteps: Int
  private let timestepScaling: Float

  /// See ``Scheduler/init(_:)``.
  public init(_ json: Configuration) throws {
    noiseSchedule = NoiseSchedule(
      try SchedulerConfiguration(
        json, .init(betaSchedule: .scaledLinear, betaStart: 0.00085, betaEnd: 0.012, clipsSample: false)))
    originalSteps = try json.int(
      "original_inference_steps", in: 1...noiseSchedule.configuration.trainTimesteps, default: 50)
    timestepScaling = Float(try json.double("timestep_scaling", default: 10))
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    guard (1...originalSteps).contains(steps) else {
      throw SchedulerError(
        description: "denoising steps: found \(steps), expected 1 to \(originalSteps) (original_inference_steps) with "
          + "LCMScheduler; 4 to 8 are usual")
    }
    let stride = configuration.trainTimesteps / originalSteps
    timesteps = (0..<steps).map { i in
      Float((originalSteps - i * originalSteps / steps) * stride - 1)
    }
    if configuration.predictionType == .epsilon, noiseSchedule.alphasCumprod[Int(timesteps[0])] == 0 {
      throw SchedulerError(
        description:
          "prediction_type: found epsilon, expected v_prediction or sample: the first time step is pure noise")
    }
  }

  /// x' = c_skip z + c_out x, then noise to the level of the next step.
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    let original = configuration.predictionType.original(
      alphaCumprod: noiseSchedule.alphasCumprod[Int(timesteps[index])])
    let range = configuration.clipSampleRange ?? .infinity
    let scaled = timesteps[index] * timestepScaling
    // σ_data = 0.5
    let skip = 0.25 / (scaled * scaled + 0.25)
    let out = scaled / (scaled * scaled + 0.25).squareRoot()
    let denoised = combined(sample, prediction) { z, m in
      skip * z + out * min(max(original.z * z + original.m * m, -range), range)
    }
    guard index + 1 < timesteps.count else { return denoised }
    let alphaBar = noiseSchedule.alphasCumprod[Int(timesteps[index + 1])]
    return alphaBar.squareRoot() * denoised + (1 - alphaBar).squareRoot() * noise()
  }
}
