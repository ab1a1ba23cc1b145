public import Checkpoints
public import Tensors

/// Deterministic sampling of diffusion models (Song et al. 2021, eq. 12 with η = 0; diffusers' `DDIMScheduler`).
public struct DDIMScheduler: Scheduler {
  /// See ``Scheduler/noiseSchedule``.
  public let noiseSchedule: NoiseSchedule
  /// See ``Scheduler/timesteps``.
  public private(set) var timesteps: [Float] = []
  /// T / n, rounded down.
  private var stride = 0

  /// See ``Scheduler/init(_:)``.
  public init(_ json: Configuration) throws {
    self.init(NoiseSchedule(try SchedulerConfiguration(json, .init(clipsSample: true))))
  }

  /// The sampler of a forward process.
  public init(_ noiseSchedule: NoiseSchedule) {
    self.noiseSchedule = noiseSchedule
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    timesteps = try noiseSchedule.timesteps(steps).map(Float.init)
    stride = configuration.trainTimesteps / steps
  }

  /// z_t → z_{t - T/n} = sqrt(ᾱ') x + sqrt(1 - ᾱ') ε.
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    let timestep = Int(timesteps[index])
    let alphaBefore = noiseSchedule.alphaCumprod(timestep - stride)
    let type = configuration.predictionType
    let original = type.original(alphaCumprod: noiseSchedule.alphasCumprod[timestep])
    let epsilon = type.noise(alphaCumprod: noiseSchedule.alphasCumprod[timestep])
    let (alpha, sigma) = (alphaBefore.squareRoot(), (1 - alphaBefore).squareRoot())
    let range = configuration.clipSampleRange ?? .infinity
    return combined(sample, prediction) { z, m in
      let x = min(max(original.z * z + original.m * m, -range), range)
      return alpha * x + sigma * (epsilon.z * z + epsilon.m * m)
    }
  }
}

/// A new tensor, element by element from two of the same shape.
func combined(_ first: Tensor, _ second: Tensor, _ body: (Float, Float) -> Float) -> Tensor {
  precondition(first.shape == second.shape, "tensors of one shape")
  return Tensor(uninitialized: first.shape) { result in
    first.withUnsafeBufferPointer { a in
      second.withUnsafeBufferPointer { b in
        for i in 0..<result.count { result[i] = body(a[i], b[i]) }
      }
    }
  }
}
