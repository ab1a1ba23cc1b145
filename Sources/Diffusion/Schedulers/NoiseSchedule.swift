public import Tensors

/// The forward process that a model was trained on: z_t = sqrt(ᾱ_t) x + sqrt(1 - ᾱ_t) ε. The same for every sampler.
public struct NoiseSchedule: Sendable, Equatable {
  /// What was read from `scheduler/scheduler_config.json`.
  public let configuration: SchedulerConfiguration
  /// ᾱ of every training step.
  public let alphasCumprod: [Float]
  /// ᾱ after the last sampling step: 1, or that of training step 0.
  public let finalAlphaCumprod: Float

  /// The noise levels of a configuration.
  public init(_ configuration: SchedulerConfiguration) {
    self.configuration = configuration
    alphasCumprod = configuration.betaSchedule.alphasCumprod(
      count: configuration.trainTimesteps, start: configuration.betaStart, end: configuration.betaEnd,
      rescaledToZeroSNR: configuration.rescalesBetasToZeroSNR)
    finalAlphaCumprod = configuration.setsAlphaToOne ? 1 : alphasCumprod[0]
  }

  /// ᾱ of a training step, the final one before the first.
  func alphaCumprod(_ timestep: Int) -> Float {
    timestep >= 0 ? alphasCumprod[timestep] : finalAlphaCumprod
  }

  /// The time steps that `steps` steps of the configured spacing visit, in descending order.
  ///
  /// - Throws: `SchedulerError` when there are not as many
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

  /// As `visited`, without a step whose prediction would say nothing.
  ///
  /// - Throws: `SchedulerError` when a model that predicts noise is to be asked at pure noise
  func timesteps(_ steps: Int) throws(SchedulerError) -> [Int] {
    let timesteps = try visited(steps)
    if configuration.predictionType == .epsilon, let first = timesteps.first, alphasCumprod[first] == 0 {
      throw SchedulerError(
        description: "prediction_type: found epsilon, expected v_prediction or sample: time step \(first) is "
          + "pure noise here, and its noise says nothing about the sample")
    }
    return timesteps
  }

  /// The clean sample that a prediction implies.
  ///
  /// - Parameters:
  ///   - input: what the model was given, z_t = sqrt(ᾱ_t) x + sqrt(1 - ᾱ_t) ε
  ///   - prediction: what it said, of the same shape
  ///   - timestep: where; fractions are rounded
  public func original(_ input: Tensor, _ prediction: Tensor, timestep: Float) -> Tensor {
    let index = min(max(Int(timestep.rounded()), 0), alphasCumprod.count - 1)
    let factors = configuration.predictionType.original(alphaCumprod: max(alphasCumprod[index], 1e-8))
    return combined(input, prediction) { factors.z * $0 + factors.m * $1 }
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
