public import Checkpoints
public import Tensors

/// A sampler: the way from noise to a sample in a few steps of a model (diffusers' schedulers).
///
/// A value: read from `scheduler_config.json`, told the number of steps, then stepped through `timesteps` in order, of
/// which multistep methods keep what they need.
public protocol Scheduler: Sendable {
  /// Reads diffusers' keys, with the defaults of its class of the same name.
  ///
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  init(_ json: Configuration) throws

  /// The forward process of training.
  var noiseSchedule: NoiseSchedule { get }

  /// Where the model is asked, in order; fractions between training steps with some schedulers, repeated ones with
  /// others. Empty until `setTimesteps`.
  var timesteps: [Float] { get }

  /// Begins a sampling of `steps` steps.
  ///
  /// - Throws: `SchedulerError` when there are not as many, or when a step is asked for that the model cannot take
  mutating func setTimesteps(_ steps: Int) throws(SchedulerError)

  /// Standard deviation of the noise to start from (diffusers' `init_noise_sigma`).
  var initialNoiseScale: Float { get }

  /// What the model is given for a sample before the step `index` (diffusers' `scale_model_input`).
  func modelInput(_ sample: Tensor, at index: Int) -> Tensor

  /// One step towards the sample.
  ///
  /// - Parameters:
  ///   - prediction: what the model says about `modelInput(sample, at: index)` at `timesteps[index]`, any shape
  ///   - index: 0, 1, ... in order
  ///   - sample: of the same shape
  ///   - noise: draws standard normal noise of that shape; called only where the method is stochastic
  /// - Returns: the sample for the next step
  mutating func step(_ prediction: Tensor, at index: Int, sample: Tensor, noise: () -> Tensor) -> Tensor
}

extension Scheduler {
  /// Of unit variance.
  public var initialNoiseScale: Float { 1 }

  /// The sample itself.
  public func modelInput(_ sample: Tensor, at index: Int) -> Tensor { sample }

  /// The keys that all schedulers share.
  public var configuration: SchedulerConfiguration { noiseSchedule.configuration }

  /// See ``NoiseSchedule/addNoise(_:_:timesteps:)``.
  public func addNoise(_ sample: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
    noiseSchedule.addNoise(sample, noise, timesteps: timesteps)
  }

  /// See ``NoiseSchedule/target(_:_:timesteps:)``.
  public func target(_ sample: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
    noiseSchedule.target(sample, noise, timesteps: timesteps)
  }
}

/// The schedulers by the names that users give them.
public enum SchedulerName: String, Sendable, CaseIterable {
  /// Deterministic DDIM.
  case ddim
  /// Ancestral sampling of the diffusion's own steps.
  case ddpm
  /// Pseudo-numerical methods, Stable Diffusion 1.5's own.
  case pndm
  /// Euler's method in σ.
  case euler
  /// Euler's method with fresh noise.
  case eulerAncestral = "euler-ancestral"
  /// DPM-Solver++, multistep.
  case dpmSolverPlusPlus = "dpmsolver++"
  /// Latent consistency models.
  case lcm

  /// Finds a short name or the name of diffusers' class.
  public init?(named name: String) {
    let match = Self.allCases.first { $0.rawValue == name.lowercased() || $0.className == name }
    guard let match else { return nil }
    self = match
  }

  /// diffusers' class, as in `_class_name`.
  public var className: String { "\(type)" }

  private var type: any Scheduler.Type {
    switch self {
    case .ddim: DDIMScheduler.self
    case .ddpm: DDPMScheduler.self
    case .pndm: PNDMScheduler.self
    case .euler: EulerDiscreteScheduler.self
    case .eulerAncestral: EulerAncestralDiscreteScheduler.self
    case .dpmSolverPlusPlus: DPMSolverMultistepScheduler.self
    case .lcm: LCMScheduler.self
    }
  }

  /// The scheduler of this name with a model's `scheduler_config.json`, whichever class that was written for: what it
  /// does not say has this class's default, as with diffusers' `from_config`.
  public func scheduler(_ json: Configuration) throws -> any Scheduler { try type.init(json) }

  /// The scheduler that a `scheduler_config.json` names; DDIM where it names none.
  public static func scheduler(of json: Configuration) throws -> any Scheduler {
    let classes = allCases.map(\.className)
    let name = try json.string("_class_name", among: classes, default: DDIMScheduler.className)
    return try (SchedulerName(named: name) ?? .ddim).scheduler(json)
  }
}

extension Scheduler {
  /// diffusers' class.
  public static var className: String { "\(Self.self)" }
}
