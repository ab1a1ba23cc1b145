import Glibc

/// How much noise each training step adds: the β of the forward process (diffusers' `beta_schedule`).
public enum BetaSchedule: String, Sendable, CaseIterable {
  /// β evenly spaced (Ho et al. 2020).
  case linear
  /// sqrt β evenly spaced (Rombach et al. 2022).
  case scaledLinear = "scaled_linear"
  /// ᾱ a squared cosine, β at most 0.999 (Nichol and Dhariwal 2021).
  case squaredCosine = "squaredcos_cap_v2"

  /// ᾱ_t = Π (1 - β_s), s ≤ t: the share of the sample's variance that is left at each time step.
  ///
  /// In torch's arithmetic: β in single precision, the product in double precision rounded at each step.
  public func alphasCumprod(count: Int, start: Double, end: Double, rescaledToZeroSNR: Bool) -> [Float] {
    var betas: [Float]
    switch self {
    case .linear:
      betas = Self.evenlySpaced(Float(start), Float(end), count)
    case .scaledLinear:
      betas = Self.evenlySpaced(Float(start.squareRoot()), Float(end.squareRoot()), count).map { $0 * $0 }
    case .squaredCosine:
      func alphaBar(_ i: Int) -> Double {
        let cosine = cos((Double(i) / Double(count) + 0.008) / 1.008 * Double.pi / 2)
        return cosine * cosine
      }
      betas = (0..<count).map { Float(min(1 - alphaBar($0 + 1) / alphaBar($0), 0.999)) }
    }
    if rescaledToZeroSNR { betas = Self.rescaledToZeroSNR(betas) }
    return Self.cumulativeProduct(betas.map { 1 - $0 })
  }

  /// Shifts and scales sqrt ᾱ so that the last time step is pure noise (Lin et al. 2023, algorithm 1).
  private static func rescaledToZeroSNR(_ betas: [Float]) -> [Float] {
    let roots = cumulativeProduct(betas.map { 1 - $0 }).map { $0.squareRoot() }
    guard let first = roots.first, let last = roots.last, first > last else { return betas }
    let scale = first / (first - last)
    let alphasCumprod = roots.map { root in
      let rescaled = (root - last) * scale
      return rescaled * rescaled
    }
    return alphasCumprod.indices.map { i in
      1 - (i == 0 ? alphasCumprod[0] : alphasCumprod[i] / alphasCumprod[i - 1])
    }
  }

  /// torch's `linspace`: counted from the nearer end.
  private static func evenlySpaced(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
    let step = count > 1 ? (end - start) / Float(count - 1) : 0
    return (0..<count).map { i in
      i < count / 2 ? start + step * Float(i) : end - step * Float(count - 1 - i)
    }
  }

  private static func cumulativeProduct(_ factors: [Float]) -> [Float] {
    var product = 1.0
    return factors.map { factor in
      product *= Double(factor)
      return Float(product)
    }
  }
}
