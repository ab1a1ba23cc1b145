/// What a diffusion model was trained to predict (diffusers' `prediction_type`).
///
/// With α = sqrt ᾱ and σ = sqrt(1 - ᾱ), a noisy sample is z = α x + σ ε.
public enum PredictionType: String, Sendable, CaseIterable {
  /// The noise ε.
  case epsilon
  /// The velocity v = α ε - σ x (Salimans and Ho 2022).
  case velocity = "v_prediction"
  /// The clean sample x.
  case sample

  /// The noise as a combination of z and of the prediction m: ε = a z + b m.
  ///
  /// - Parameter alphaCumprod: ᾱ, below 1 for `sample`
  func noise(alphaCumprod: Float) -> (z: Float, m: Float) {
    let (alpha, sigma) = (alphaCumprod.squareRoot(), (1 - alphaCumprod).squareRoot())
    return switch self {
    case .epsilon: (0, 1)
    case .velocity: (sigma, alpha)
    case .sample: (1 / sigma, -alpha / sigma)
    }
  }

  /// The clean sample as a combination of z and of the prediction m: x = a z + b m.
  ///
  /// - Parameter alphaCumprod: ᾱ, above 0 for `epsilon`
  func original(alphaCumprod: Float) -> (z: Float, m: Float) {
    let (alpha, sigma) = (alphaCumprod.squareRoot(), (1 - alphaCumprod).squareRoot())
    return switch self {
    case .epsilon: (1 / alpha, -sigma / alpha)
    case .velocity: (alpha, -sigma)
    case .sample: (0, 1)
    }
  }
}
