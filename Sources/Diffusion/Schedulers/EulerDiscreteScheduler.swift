public import Checkpoints
public import Tensors

/// Euler's method for dz/dσ = (z - x) / σ (Karras et al. 2022, algorithm 2 without churn; diffusers'
/// `EulerDiscreteScheduler`).
///
/// Samples here are z = x + σ ε; the model is given z / sqrt(σ² + 1).
public struct EulerDiscreteScheduler: Scheduler {
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
    _ = try json.string("interpolation_type", among: ["linear"], default: "linear")
    _ = try json.string("timestep_type", among: ["discrete"], default: "discrete")
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    timesteps = try noiseSchedule.fractionalTimesteps(steps)
    var sigmas = levels.levels(at: timesteps)
    if levels.isRespaced, let first = sigmas.first, let last = sigmas.last {
      sigmas = levels.respaced(steps, from: first, to: last)
      timesteps = sigmas.map { Float(levels.timestep(of: $0)) }
    }
    self.sigmas = (sigmas + [levels.last]).map(Float.init)
  }

  /// See ``Scheduler/initialNoiseScale``.
  public var initialNoiseScale: Float { eulerNoiseScale(sigmas, configuration) }

  /// See ``Scheduler/modelInput(_:at:)``.
  public func modelInput(_ sample: Tensor, at index: Int) -> Tensor { unitVariance(sample, sigmas[index]) }

  /// z → z + (σ' - σ) dz/dσ.
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    eulerStep(prediction, sample, from: sigmas[index], to: sigmas[index + 1], configuration.predictionType)
  }
}

extension NoiseSchedule {
  /// As `timesteps`, but `linspace` is not rounded to training steps.
  func fractionalTimesteps(_ steps: Int) throws(SchedulerError) -> [Float] {
    let rounded = try visited(steps)
    guard configuration.timestepSpacing == .linspace else { return rounded.map(Float.init) }
    let stride = Double(configuration.trainTimesteps - 1) / Double(max(steps - 1, 1))
    return (0..<steps).reversed().map { Float(Double($0) * stride) }
  }
}

/// The deviation of the first sample: σ, and the clean sample's where σ does not stand for all of the noise.
func eulerNoiseScale(_ sigmas: [Float], _ configuration: SchedulerConfiguration) -> Float {
  let largest = sigmas.max() ?? 1
  return configuration.timestepSpacing == .leading ? (largest * largest + 1).squareRoot() : largest
}

/// z / sqrt(σ² + 1).
func unitVariance(_ sample: Tensor, _ sigma: Float) -> Tensor {
  sample * (1 / (sigma * sigma + 1).squareRoot())
}

/// z + (σ' - σ) (z - x) / σ, with x = a z + b m from the prediction m.
func eulerStep(
  _ prediction: Tensor, _ sample: Tensor, from sigma: Float, to next: Float, _ type: PredictionType
) -> Tensor {
  let alphaBar = 1 / (sigma * sigma + 1)
  let original = type.original(alphaCumprod: alphaBar)
  let ofSample = original.z * alphaBar.squareRoot()
  let step = (next - sigma) / sigma
  return combined(sample, prediction) { z, m in z + step * (z - (ofSample * z + original.m * m)) }
}
