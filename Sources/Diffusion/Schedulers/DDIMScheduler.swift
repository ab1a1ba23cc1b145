public import Tensors

/// Deterministic sampling of diffusion models (Song et al. 2021, eq. 12 with η = 0; diffusers'
/// `DDIMScheduler`).
public struct DDIMScheduler: Sendable {
  /// What was read from `scheduler/scheduler_config.json`.
  public let configuration: DDIMConfiguration
  /// ᾱ of every training step.
  public let alphasCumprod: [Float]
  /// ᾱ after the last sampling step: 1, or that of training step 0.
  public let finalAlphaCumprod: Float

  /// The noise levels of a configuration.
  public init(_ configuration: DDIMConfiguration) {
    self.configuration = configuration
    alphasCumprod = configuration.betaSchedule.alphasCumprod(
      count: configuration.trainTimesteps, start: configuration.betaStart, end: configuration.betaEnd,
      rescaledToZeroSNR: configuration.rescalesBetasToZeroSNR)
    finalAlphaCumprod = configuration.setsAlphaToOne ? 1 : alphasCumprod[0]
  }

  /// The time steps that `steps` denoising steps visit, from noise to sample.
  ///
  /// - Throws: `SchedulerError` when there are not as many, or when a step is asked for that the model cannot
  /// take
  public func timesteps(_ steps: Int) throws(SchedulerError) -> [Int] {
    let timesteps = try visited(steps)
    if configuration.predictionType == .epsilon, let first = timesteps.first, alphasCumprod[first] == 0 {
      throw SchedulerError(
        description: "prediction_type: found epsilon, expected v_prediction or sample: time step \(first) is "
          + "pure noise here, and its noise says nothing about the sample")
    }
    return timesteps
  }

  /// Time steps in descending order.
  func visited(_ steps: Int) throws(SchedulerError) -> [Int] {
    let count = configuration.trainTimesteps
    guard (1...count).contains(steps) else {
      throw SchedulerError(description: "denoising steps: found \(steps), expected 1 to \(count)")
    }
    let offset = configuration.stepsOffset
    let timesteps = configuration.timestepSpacing.timesteps(steps, of: count, offset: offset)
    guard let first = timesteps.first, first < count else {
      throw SchedulerError(
        description: "denoising steps: \(steps) steps with steps_offset \(offset) reach time step "
          + "\(timesteps.first ?? 0), expected below \(count); ask for fewer steps")
    }
    return timesteps
  }

  /// One step towards the sample: z_t → z_{t - T/n}.
  ///
  /// - Parameters:
  ///   - prediction: what the model says about `sample` at `timestep`, any shape
  ///   - timestep: one of `timesteps(steps)`
  ///   - sample: z_t, of the same shape
  ///   - steps: n, the number of denoising steps
  /// - Returns: the sample at the step before
  public func step(_ prediction: Tensor, timestep: Int, sample: Tensor, steps: Int) -> Tensor {
    let before = timestep - configuration.trainTimesteps / steps
    let alphaBefore = before >= 0 ? alphasCumprod[before] : finalAlphaCumprod
    let type = configuration.predictionType
    let original = type.original(alphaCumprod: alphasCumprod[timestep])
    let noise = type.noise(alphaCumprod: alphasCumprod[timestep])
    let (alpha, sigma) = (alphaBefore.squareRoot(), (1 - alphaBefore).squareRoot())
    let range = configuration.clipSampleRange ?? .infinity
    return combined(sample, prediction) { z, m in
      let x = min(max(original.z * z + original.m * m, -range), range)
      return alpha * x + sigma * (noise.z * z + noise.m * m)
    }
  }

  /// z_t = sqrt(ᾱ_t) x + sqrt(1 - ᾱ_t) ε: the forward process, for training.
  ///
  /// - Parameters:
  ///   - sample: x, (B, ...)
  ///   - noise: ε, of the same shape
  ///   - timesteps: one per clip, or one for all
  public func addNoise(_ sample: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
    let (alpha, sigma) = levels(timesteps, rank: sample.rank)
    return alpha * sample + sigma * noise
  }

  /// v_t = sqrt(ᾱ_t) ε - sqrt(1 - ᾱ_t) x.
  ///
  /// Parameters as for `addNoise`.
  public func velocity(_ sample: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
    let (alpha, sigma) = levels(timesteps, rank: sample.rank)
    return alpha * noise - sigma * sample
  }

  /// What the model should predict for `addNoise(sample, noise, timesteps)`: noise, velocity or sample.
  public func target(_ sample: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
    switch configuration.predictionType {
    case .epsilon: noise
    case .velocity: velocity(sample, noise, timesteps: timesteps)
    case .sample: sample
    }
  }

  /// sqrt ᾱ and sqrt(1 - ᾱ), (timesteps.count, 1, ...).
  private func levels(_ timesteps: [Int], rank: Int) -> (alpha: Tensor, sigma: Tensor) {
    let levels = timesteps.map { alphasCumprod[$0] }
    let shape = [timesteps.count] + Array(repeating: 1, count: rank - 1)
    return (
      Tensor(levels.map { $0.squareRoot() }, shape: shape),
      Tensor(levels.map { (1 - $0).squareRoot() }, shape: shape)
    )
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
