public import Checkpoints
public import Tensors

/// Ancestral sampling (Ho et al. 2020, eq. 6 and 7, over a subset of the steps; diffusers' `DDPMScheduler`).
public struct DDPMScheduler: Scheduler {
  /// See ``Scheduler/noiseSchedule``.
  public let noiseSchedule: NoiseSchedule
  /// See ``Scheduler/timesteps``.
  public private(set) var timesteps: [Float] = []
  /// Whether the noise has the variance β rather than the posterior's.
  private let hasLargeVariance: Bool

  /// See ``Scheduler/init(_:)``.
  public init(_ json: Configuration) throws {
    noiseSchedule = NoiseSchedule(try SchedulerConfiguration(json, .init(clipsSample: true)))
    let variance = try json.string(
      "variance_type", among: ["fixed_small", "fixed_small_log", "fixed_large"], default: "fixed_small")
    hasLargeVariance = variance == "fixed_large"
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    timesteps = try noiseSchedule.timesteps(steps).map(Float.init)
  }

  /// z_t → the posterior's mean for the predicted sample, plus noise of its deviation.
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    let timestep = Int(timesteps[index])
    let alphaBar = noiseSchedule.alphasCumprod[timestep]
    let isLast = index + 1 == timesteps.count
    let before = isLast ? 1 : noiseSchedule.alphasCumprod[Int(timesteps[index + 1])]
    let alpha = alphaBar / before
    let beta = 1 - alpha
    let ofOriginal = before.squareRoot() * beta / (1 - alphaBar)
    let ofSample = alpha.squareRoot() * (1 - before) / (1 - alphaBar)
    let original = configuration.predictionType.original(alphaCumprod: alphaBar)
    let range = configuration.clipSampleRange ?? .infinity
    let mean = combined(sample, prediction) { z, m in
      let x = min(max(original.z * z + original.m * m, -range), range)
      return ofOriginal * x + ofSample * z
    }
    guard timestep > 0 else { return mean }
    let variance = hasLargeVariance ? beta : max((1 - before) / (1 - alphaBar) * beta, 1e-20)
    return mean + variance.squareRoot() * noise()
  }
}
