public import Tensors

/// DDIM run backwards, from a sample to the noise that it would come from (Song et al. 2021, section 4.3; the
/// noise prior of Motion Inversion).
///
/// Over the configured time steps in ascending order, the level before the first being the final ᾱ:
/// x = (z - sqrt(1 - ᾱ_s) ε) / sqrt(ᾱ_s), z_t = sqrt(ᾱ_t) x + sqrt(1 - ᾱ_t) ε, with ε what the model predicts
/// for z_s at the time step t to be reached.
///
/// ε is derived at t from what the model predicts, not at s as in diffusers' `DDIMInverseScheduler`; for
/// models that predict ε the two are the same. The division is by sqrt(ᾱ_s), never zero: only the last level
/// can be pure noise.
public struct DDIMInverseScheduler: Sendable {
  /// The forward process that it follows.
  public let noiseSchedule: NoiseSchedule

  /// The inversion for models of a forward process.
  public init(_ noiseSchedule: NoiseSchedule) {
    self.noiseSchedule = noiseSchedule
  }

  /// The time steps that `steps` inversion steps reach, from sample to noise.
  public func timesteps(_ steps: Int) throws(SchedulerError) -> [Int] {
    Array(try noiseSchedule.visited(steps).reversed())
  }

  /// One step towards noise: z_s → z_t.
  ///
  /// - Parameters:
  ///   - prediction: what the model says about `sample` at the time step t, any shape
  ///   - timestep: t
  ///   - previous: s, the element before t in `timesteps`; nil before the first
  ///   - sample: z_s, of the same shape
  /// - Returns: z_t
  public func step(_ prediction: Tensor, timestep: Int, previous: Int?, sample: Tensor) -> Tensor {
    let from = noiseSchedule.alphaCumprod(previous ?? -1)
    let to = noiseSchedule.alphasCumprod[timestep]
    let noise = noiseSchedule.configuration.predictionType.noise(alphaCumprod: to)
    let (alphaFrom, sigmaFrom) = (from.squareRoot(), (1 - from).squareRoot())
    let (alphaTo, sigmaTo) = (to.squareRoot(), (1 - to).squareRoot())
    return combined(sample, prediction) { z, m in
      let epsilon = noise.z * z + noise.m * m
      return alphaTo * (z - sigmaFrom * epsilon) / alphaFrom + sigmaTo * epsilon
    }
  }
}
