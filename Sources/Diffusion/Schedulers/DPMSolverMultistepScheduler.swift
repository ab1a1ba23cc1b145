public import Checkpoints
import Glibc
public import Tensors

/// DPM-Solver++, multistep, of order 1 to 3, and its stochastic form of order 1 and 2 (Lu et al. 2022, algorithm 2;
/// diffusers' `DPMSolverMultistepScheduler`).
///
/// With α = 1 / sqrt(σ² + 1), λ = log(α / σα) = -log σ and h = λ' - λ, a step is the exponential integral of a polynomial
/// through the last predicted samples.
public struct DPMSolverMultistepScheduler: Scheduler {
  /// See ``Scheduler/noiseSchedule``.
  public let noiseSchedule: NoiseSchedule
  /// See ``Scheduler/timesteps``.
  public private(set) var timesteps: [Float] = []
  private let levels: NoiseLevels
  private let order: Int
  private let isStochastic: Bool
  private let isHeun: Bool
  private let lowersFinalOrder: Bool
  private let endsWithEuler: Bool
  /// Steps below this λ are never visited.
  private let leastLambda: Double
  private var sigmas: [Double] = []
  /// Predicted samples, the newest last, at most `order`.
  private var originals: [Tensor] = []

  /// See ``Scheduler/init(_:)``.
  public init(_ json: Configuration) throws {
    noiseSchedule = NoiseSchedule(try SchedulerConfiguration(json, .init(timestepSpacing: .linspace)))
    levels = try NoiseLevels(json, noiseSchedule, spreads: [.karras, .lu, .exponential, .beta])
    let algorithm = try json.string(
      "algorithm_type", among: ["dpmsolver++", "sde-dpmsolver++"], default: "dpmsolver++")
    isStochastic = algorithm == "sde-dpmsolver++"
    order = try json.int("solver_order", in: isStochastic ? 1...2 : 1...3, default: 2)
    isHeun = try json.string("solver_type", among: ["midpoint", "heun"], default: "midpoint") == "heun"
    lowersFinalOrder = try json.bool("lower_order_final", default: true)
    endsWithEuler = try json.bool("euler_at_final", default: false)
    // Python writes its default as -Infinity.
    let isClipped = json.has("lambda_min_clipped") && json.values["lambda_min_clipped"] != .number(-.infinity)
    leastLambda = isClipped ? try json.double("lambda_min_clipped") : -.infinity
    guard !json.has("variance_type") else {
      throw json.error("variance_type", expected: "null: this engine has no models that predict their variance")
    }
  }

  /// See ``Scheduler/setTimesteps(_:)``.
  public mutating func setTimesteps(_ steps: Int) throws(SchedulerError) {
    originals = []
    let count = configuration.trainTimesteps
    guard (1..<count).contains(steps) else {
      throw SchedulerError(description: "denoising steps: found \(steps), expected 1 to \(count - 1)")
    }
    var levels: [Double]
    if self.levels.isRespaced {
      let training = self.levels.training
      levels = self.levels.respaced(steps, from: training[count - 1], to: training[0])
      let visited = levels.map { self.levels.timestep(of: $0) }
      let rounds = self.levels.roundsTimesteps && configuration.betaSchedule != .squaredCosine
      timesteps = visited.map { Float(Int(rounds ? $0.rounded(.toNearestOrEven) : $0)) }
    } else {
      timesteps = try visited(steps)
      levels = self.levels.levels(at: timesteps)
    }
    sigmas = (levels + [self.levels.last]).map { Double(Float($0)) }
  }

  /// One more point than steps, the last left out.
  private func visited(_ steps: Int) throws(SchedulerError) -> [Float] {
    let count = configuration.trainTimesteps
    let end = count - levels.training.count { -log($0) < leastLambda }
    let timesteps: [Int]
    switch configuration.timestepSpacing {
    case .linspace:
      let stride = Double(end - 1) / Double(steps)
      timesteps = (1...steps).reversed().map { Int((Double($0) * stride).rounded(.toNearestOrEven)) }
    case .leading:
      timesteps = (1...steps).reversed().map { $0 * (end / (steps + 1)) + configuration.stepsOffset }
    case .trailing:
      let stride = Double(count) / Double(steps)
      timesteps = (0..<steps).map { Int((Double(end) - Double($0) * stride).rounded(.toNearestOrEven)) - 1 }
        .filter { $0 >= 0 }
    }
    guard let first = timesteps.first, timesteps.count == steps, first < count else {
      throw SchedulerError(
        description: "denoising steps: \(steps) steps reach time step \(timesteps.first ?? 0), expected "
          + "\(steps) below \(count); ask for fewer steps")
    }
    return timesteps.map(Float.init)
  }

  /// See ``Scheduler/step(_:at:sample:noise:)``.
  public mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor {
    let sigma = Float(sigmas[index])
    let original = configuration.predictionType.original(alphaCumprod: 1 / (sigma * sigma + 1))
    let x = combined(sample, prediction) { z, m in original.z * z + original.m * m }
    originals = Array(originals.suffix(order - 1)) + [x]
    return solve(sample, at: index, order: order(at: index), noise)
  }

  /// The last steps of a short sampling are of lower order, and so is the last step to σ = 0.
  private func order(at index: Int) -> Int {
    let left = timesteps.count - index
    let isShort = lowersFinalOrder && timesteps.count < 15
    if left == 1, endsWithEuler || isShort || levels.last == 0 { return 1 }
    return min(originals.count, left == 2 && isShort ? min(order, 2) : order)
  }

  private func solve(_ sample: Tensor, at index: Int, order: Int, _ noise: () -> Tensor) -> Tensor {
    func lambda(_ i: Int) -> Double { -log(sigmas[i]) }
    func alpha(_ i: Int) -> Double { 1 / (sigmas[i] * sigmas[i] + 1).squareRoot() }
    let h = lambda(index + 1) - lambda(index)
    let g = isStochastic ? 2 * h : h
    let decay = sigmas[index + 1] * alpha(index + 1) / (sigmas[index] * alpha(index))
    let ofConstant = alpha(index + 1) * (1 - exp(-g))
    let last = Array(originals.reversed())

    var next = sample * Float(decay * (isStochastic ? exp(-h) : 1)) + last[0] * Float(ofConstant)
    if order > 1 {
      let exact = alpha(index + 1) * ((exp(-g) - 1) / g + 1)
      let r0 = (lambda(index) - lambda(index - 1)) / h
      let slope = (last[0] - last[1]) * Float(1 / r0)
      if order == 2 {
        next = next + slope * Float(isHeun ? exact : 0.5 * ofConstant)
      } else {
        let r1 = (lambda(index - 1) - lambda(index - 2)) / h
        let change = slope - (last[1] - last[2]) * Float(1 / r1)
        let ofCurvature = alpha(index + 1) * ((1 - exp(-g) - g) / (g * g) + 0.5)
        next = next + (slope + change * Float(r0 / (r0 + r1))) * Float(exact)
        next = next + change * Float(ofCurvature / (r0 + r1))
      }
    }
    guard isStochastic else { return next }
    let deviation = sigmas[index + 1] * alpha(index + 1) * (1 - exp(-2 * h)).squareRoot()
    return next + noise() * Float(deviation)
  }
}
