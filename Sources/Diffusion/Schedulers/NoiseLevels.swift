import Checkpoints
import Glibc

/// Noise levels of the schedulers that count in σ = sqrt((1 - ᾱ) / ᾱ) (Karras et al. 2022).
struct NoiseLevels: Sendable {
  /// How the levels of a sampling are spread (diffusers' `use_karras_sigmas`, `use_exponential_sigmas`).
  enum Spread: Sendable { case timesteps, karras, exponential }

  /// σ of every training step, ascending.
  let training: [Double]
  /// log σ, in single precision as numpy keeps it.
  private let logarithms: [Double]
  private let spread: Spread
  /// The level after the last step: 0, or that of training step 0.
  let last: Double
  private let least: Double?
  private let largest: Double?

  /// Reads `use_karras_sigmas`, `use_exponential_sigmas`, `final_sigmas_type`, `sigma_min`, `sigma_max`.
  init(_ json: Configuration, _ schedule: NoiseSchedule) throws {
    var alphas = schedule.alphasCumprod
    // Pure noise would be σ = ∞; diffusers puts the smallest half-precision number in its place.
    if schedule.configuration.rescalesBetasToZeroSNR { alphas[alphas.count - 1] = 0x1p-24 }
    let sigmas = alphas.map { ((1 - $0) / $0).squareRoot() }
    training = sigmas.map(Double.init)
    logarithms = sigmas.map { Double(logf($0)) }
    let karras = try json.bool("use_karras_sigmas", default: false)
    let exponential = try json.bool("use_exponential_sigmas", default: false)
    guard !(karras && exponential) else {
      throw json.error("use_exponential_sigmas", expected: "false where use_karras_sigmas is true")
    }
    spread = karras ? .karras : exponential ? .exponential : .timesteps
    for key in ["use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"] {
      try json.refuse(key, because: "this engine has use_karras_sigmas and use_exponential_sigmas")
    }
    let end = try json.string("final_sigmas_type", among: ["zero", "sigma_min"], default: "zero")
    last = end == "zero" ? 0 : training[0]
    least = json.has("sigma_min") ? try json.double("sigma_min") : nil
    largest = json.has("sigma_max") ? try json.double("sigma_max") : nil
  }

  /// Whether the levels are spread by a rule of their own, and the time steps follow from them.
  var isRespaced: Bool { spread != .timesteps }

  /// Whether diffusers rounds the time steps of respaced levels rather than cut them.
  var roundsTimesteps: Bool { spread == .karras }

  /// σ at time steps that may be fractions, linearly between training steps.
  func levels(at timesteps: [Float]) -> [Double] {
    timesteps.map { timestep in
      let low = min(max(Int(timestep), 0), training.count - 1)
      let high = min(low + 1, training.count - 1)
      return training[low] + (training[high] - training[low]) * (Double(timestep) - Double(low))
    }
  }

  /// `count` levels from `range`'s larger end to its smaller, by the spread: ρ = 7, or evenly in the logarithm.
  func respaced(_ count: Int, from largest: Double, to least: Double) -> [Double] {
    let (most, fewest) = (self.largest ?? largest, self.least ?? least)
    return (0..<count).map { i in
      let ramp = count > 1 ? Double(i) / Double(count - 1) : 0
      if spread == .karras {
        let (top, bottom) = (pow(most, 1 / 7), pow(fewest, 1 / 7))
        return pow(top + ramp * (bottom - top), 7)
      }
      return exp(log(most) + ramp * (log(fewest) - log(most)))
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
