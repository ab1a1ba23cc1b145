import Checkpoints
import Glibc

/// Noise levels of the schedulers that count in σ = sqrt((1 - ᾱ) / ᾱ) (Karras et al. 2022).
struct NoiseLevels: Sendable {
  /// How the levels of a sampling are spread (diffusers' `use_karras_sigmas` and its like).
  enum Spread: String, Sendable, CaseIterable {
    case timesteps
    /// Evenly in σ^(1/7) (Karras et al. 2022, equation 5).
    case karras = "use_karras_sigmas"
    /// Evenly in log σ over all training steps (Lu et al. 2022); DPM-Solver++ alone.
    case lu = "use_lu_lambdas"
    /// Evenly in log σ.
    case exponential = "use_exponential_sigmas"
    /// At the quantiles of Beta(0.6, 0.6) (Lee et al. 2024).
    case beta = "use_beta_sigmas"
  }

  /// σ of every training step, ascending.
  let training: [Double]
  /// log σ, in single precision as numpy keeps it.
  private let logarithms: [Double]
  private let spread: Spread
  /// The level after the last step: 0, or that of training step 0.
  let last: Double
  private let least: Double?
  private let largest: Double?

  /// Reads the switch of a ``Spread``, `final_sigmas_type`, `sigma_min`, `sigma_max`.
  ///
  /// - Parameter spreads: those that the scheduler's class has
  init(
    _ json: Configuration, _ schedule: NoiseSchedule, spreads: [Spread] = [.karras, .exponential, .beta]
  ) throws {
    var alphas = schedule.alphasCumprod
    // Pure noise would be σ = ∞; diffusers puts the smallest half-precision number in its place.
    if schedule.configuration.rescalesBetasToZeroSNR { alphas[alphas.count - 1] = 0x1p-24 }
    let sigmas = alphas.map { ((1 - $0) / $0).squareRoot() }
    training = sigmas.map(Double.init)
    logarithms = sigmas.map { Double(logf($0)) }
    let chosen = try spreads.filter { try json.bool($0.rawValue, default: false) }
    if chosen.count > 1 {
      throw json.error(chosen[1].rawValue, expected: "false where \(chosen[0].rawValue) is true")
    }
    spread = chosen.first ?? .timesteps
    try json.refuse("use_flow_sigmas", because: "this engine has no flow models")
    let end = try json.string("final_sigmas_type", among: ["zero", "sigma_min"], default: "zero")
    last = end == "zero" ? 0 : training[0]
    least = json.has("sigma_min") ? try json.double("sigma_min") : nil
    largest = json.has("sigma_max") ? try json.double("sigma_max") : nil
  }

  /// Whether the levels are spread by a rule of their own, and the time steps follow from them.
  var isRespaced: Bool { spread != .timesteps }

  /// Whether diffusers rounds the time steps of respaced levels rather than cut them.
  var roundsTimesteps: Bool { spread == .karras || spread == .lu }

  /// σ at time steps that may be fractions, linearly between training steps.
  func levels(at timesteps: [Float]) -> [Double] {
    timesteps.map { timestep in
      let low = min(max(Int(timestep), 0), training.count - 1)
      let high = min(low + 1, training.count - 1)
      return training[low] + (training[high] - training[low]) * (Double(timestep) - Double(low))
    }
  }

  /// `count` levels from the larger end of a range to its smaller, by the spread.
  func respaced(_ count: Int, from largest: Double, to least: Double) -> [Double] {
    let (most, fewest) = (self.largest ?? largest, self.least ?? least)
    return (0..<count).map { i in
      let ramp = count > 1 ? Double(i) / Double(count - 1) : 0
      switch spread {
      case .karras:
        let (top, bottom) = (pow(most, 1 / 7), pow(fewest, 1 / 7))
        return pow(top + ramp * (bottom - top), 7)
      case .lu:
        let (top, bottom) = (logarithms[logarithms.count - 1], logarithms[0])
        return exp(top + ramp * (bottom - top))
      case .beta: return fewest + betaQuantile(1 - ramp, 0.6) * (most - fewest)
      case .timesteps, .exponential: return exp(log(most) + ramp * (log(fewest) - log(most)))
      }
    }
  }

  /// The time step of a level, linearly in log σ.
  func timestep(of sigma: Double) -> Double {
    let logarithm = log(max(sigma, 1e-10))
    let below = logarithms.lastIndex { logarithm >= $0 } ?? 0
    let low = min(below, logarithms.count - 2)
    let share = (logarithms[low] - logarithm) / (logarithms[low] - logarithms[low + 1])
    return Double(low) + min(max(share, 0), 1)
  }
}
