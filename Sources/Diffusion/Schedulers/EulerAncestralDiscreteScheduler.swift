public import Checkpoints
public import Tensors

/// Euler's method to a lower noise level than the next, then fresh noise up to it (k-diffusion's `euler_ancestral`;
/// diffusers' `EulerAncestralDiscreteScheduler`).
///
/// Samples here are z = x + σ ε; the model is given z / sqrt(σ² + 1).
public struct EulerAncestralDiscreteScheduler: Scheduler {
  /// See ``Scheduler/noiseSchedule``.
  public let noiseSchedule: NoiseSchedule
  /// See ``Scheduler/timesteps``.
  public private(set) var timesteps: [Float] = []
  private let levels: NoiseLevels
  private var sigmas: [Float] = []

  /// See ``Scheduler/init(_:)``.
  public init(_ json: Configuration) throws {
    noiseSchedule = NoiseSchedule(try SchedulerConfiguration(json, .init(timestepSpacing: .linspace)))
    levels = try NoiseLevels(json, noiseSchedule)
    guard noiseSchedule.configuration.predictionType != .sample else {
      throw json.error("prediction_type", expected: "epsilon or v_prediction with EulerAncestralDiscreteScheduler")
    }
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    timesteps = try noiseSchedule.fractionalTimesteps(steps)
    // diffusers' class ends at zero and spreads by time steps, whatever the configuration says.
    sigmas = (levels.levels(at: timesteps) + [0]).map(Float.init)
  }

  /// See ``Scheduler/initialNoiseScale``.
  public var initialNoiseScale: Float { eulerNoiseScale(sigmas, configuration) }

  /// See ``Scheduler/modelInput(_:at:)``.
  public func modelInput(_ sample: Tensor, at index: Int) -> Tensor { unitVariance(sample, sigmas[index]) }

  /// σ'² = σ_down² + σ_up², σ_up² = σ'² (σ² - σ'²) / σ².
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    let (sigma, next) = (sigmas[index], sigmas[index + 1])
    let up = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot()
    let down = (next * next - up * up).squareRoot()
    let mean = eulerStep(prediction, sample, from: sigma, to: down, configuration.predictionType)
    // Drawn even where it counts for nothing, as diffusers does.
    return mean + up * noise()
  }
}
