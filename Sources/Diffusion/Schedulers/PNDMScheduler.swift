public import Checkpoints
public import Tensors

/// Pseudo-numerical methods (Liu et al. 2022; diffusers' `PNDMScheduler`): a linear multistep method of order four over
/// the predicted noise, begun by three Runge-Kutta steps or, with `skip_prk_steps`, by steps of lower order, the first of
/// which is taken twice.
public struct PNDMScheduler: Scheduler {
  /// See ``Scheduler/noiseSchedule``.
  public let noiseSchedule: NoiseSchedule
  /// See ``Scheduler/timesteps``.
  public private(set) var timesteps: [Float] = []
  private let skipsRungeKutta: Bool
  /// T / n, rounded down.
  private var stride = 0
  /// Number of evaluations that belong to Runge-Kutta steps, four to a step.
  private var rungeKuttaCount = 0
  /// Up to four predictions, the newest last.
  private var history: [Tensor] = []
  /// The weighted sum of a Runge-Kutta step so far.
  private var sum: Tensor?
  /// The sample that a step of several evaluations began with.
  private var beginning: Tensor?

  /// See ``Scheduler/init(_:)``.
  public init(_ json: Configuration) throws {
    noiseSchedule = NoiseSchedule(try SchedulerConfiguration(json, .init(setsAlphaToOne: false)))
    skipsRungeKutta = try json.bool("skip_prk_steps", default: false)
    guard noiseSchedule.configuration.predictionType != .sample else {
      throw json.error("prediction_type", expected: "epsilon or v_prediction with PNDMScheduler")
    }
    try json.refuse("rescale_betas_zero_snr", because: "PNDMScheduler cannot start from pure noise")
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    let ascending = Array(try noiseSchedule.timesteps(steps).reversed())
    stride = configuration.trainTimesteps / steps
    var order: [Int]
    if skipsRungeKutta {
      // The last but one is asked twice.
      order = Array(ascending.dropLast() + ascending.dropLast().suffix(1) + ascending.suffix(1))
      rungeKuttaCount = 0
    } else {
      guard steps >= 4 else {
        throw SchedulerError(
          description: "denoising steps: found \(steps), expected 4 or more with PNDMScheduler and skip_prk_steps false"
        )
      }
      let halves = ascending.suffix(4).flatMap { [$0, $0 + stride / 2] }.dropLast()
      let doubled = halves.flatMap { [$0, $0] }.dropFirst().dropLast()
      order = Array(ascending.dropLast(3) + doubled)
      rungeKuttaCount = doubled.count
    }
    order.reverse()
    timesteps = order.map(Float.init)
    (history, sum, beginning) = ([], nil, nil)
  }

  /// See ``Scheduler/step(_:at:sample:noise:)``.
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    index < rungeKuttaCount
      ? rungeKutta(prediction, at: index, sample) : multistep(prediction, at: index, sample)
  }

  /// Evaluation 0 to 3 of a classical Runge-Kutta step, weights 1/6, 1/3, 1/3, 1/6.
  private mutating func rungeKutta(_ prediction: Tensor, at index: Int, _ sample: Tensor) -> Tensor {
    let from = Int(timesteps[index / 4 * 4])
    let to = Int(timesteps[index]) - (index % 2 == 0 ? stride / 2 : 0)
    var output = prediction
    switch index % 4 {
    case 0:
      sum = prediction * (1 / 6)
      history.append(prediction)
      beginning = sample
    case 3:
      output = (sum ?? prediction) + prediction * (1 / 6)
      sum = nil
    default:
      sum = (sum ?? prediction) + prediction * (1 / 3)
    }
    return transfer(beginning ?? sample, from: from, to: to, output)
  }

  /// One step with the Adams-Bashforth weights of as many predictions as there are.
  private mutating func multistep(_ prediction: Tensor, at index: Int, _ sample: Tensor) -> Tensor {
    var (from, start) = (Int(timesteps[index]), sample)
    var to = from - stride
    if index == 1, rungeKuttaCount == 0 {
      (to, from) = (from, from + stride)
      start = beginning ?? sample
      return transfer(start, from: from, to: to, (prediction + (history.last ?? prediction)) * 0.5)
    }
    if index == 0 { beginning = sample }
    history = Array(history.suffix(3)) + [prediction]
    return transfer(start, from: from, to: to, combination())
  }

  private func combination() -> Tensor {
    let last = Array(history.reversed())
    switch last.count {
    case 1: return last[0]
    case 2: return 1.5 * last[0] - 0.5 * last[1]
    case 3: return (23 / 12) * last[0] - (16 / 12) * last[1] + (5 / 12) * last[2]
    default:
      return (55 / 24) * last[0] - (59 / 24) * last[1] + (37 / 24) * last[2] - (9 / 24) * last[3]
    }
  }

  /// Eq. 11: the sample at `to` from the one at `from` and a prediction there.
  private func transfer(_ sample: Tensor, from: Int, to: Int, _ prediction: Tensor) -> Tensor {
    let (alpha, next) = (noiseSchedule.alphasCumprod[from], noiseSchedule.alphaCumprod(to))
    let noise = configuration.predictionType.noise(alphaCumprod: alpha)
    let ofSample = (next / alpha).squareRoot()
    let ofNoise =
      (next - alpha) / (alpha * (1 - next).squareRoot() + (alpha * (1 - alpha) * next).squareRoot())
    return combined(sample, prediction) { z, m in ofSample * z - ofNoise * (noise.z * z + noise.m * m) }
  }
}
