import Checkpoints
import Tensors
import Testing

@testable import Diffusion

/// Every scheduler against diffusers: time steps, initial scale, and whole samplings.
@Suite struct SchedulerTests {
  static let names = [
    "ddim", "ddpm", "ddpm_large_clipped", "ddpm_velocity", "ddpm_sample", "pndm", "pndm_runge_kutta", "pndm_linspace",
    "euler", "euler_leading", "euler_zero_snr", "euler_karras", "euler_exponential", "euler_beta",
    "euler_sigma_range", "euler_ancestral", "euler_ancestral_velocity", "dpm_solver", "dpm_solver_leading",
    "dpm_solver_third_order",
    "dpm_solver_first_order", "dpm_solver_heun", "dpm_solver_karras", "dpm_solver_cosine_karras", "dpm_solver_clipped",
    "dpm_solver_exponential", "dpm_solver_beta", "dpm_solver_lu", "dpm_solver_cosine_lu", "dpm_solver_velocity",
    "dpm_solver_stochastic", "dpm_solver_stochastic_heun", "lcm",
    "lcm_clipped",
  ]
  let golden: Golden
  let cases: Configuration

  init() throws {
    golden = try Golden("schedulers/schedulers.safetensors")
    cases = try Golden.configuration("schedulers/schedulers.json")
  }

  private func scheduler(_ name: String) throws -> any Scheduler {
    try SchedulerName.scheduler(of: try #require(try cases.nested(name)?.nested("config")))
  }

  @Test func everyCaseIsTested() {
    #expect(Set(cases.values.keys) == Set(Self.names))
  }

  @Test(arguments: names)
  func timesteps(name: String) throws {
    var scheduler = try scheduler(name)
    let expected = try #require(try cases.nested(name)?.nested("timesteps"))
    let counts = try expected.values.keys.map { try #require(Int($0)) }
    #expect(counts.count > 10)
    for steps in counts {
      try scheduler.setTimesteps(steps)
      let list = try expected.doubles("\(steps)")
      #expect(scheduler.timesteps.count == list.count)
      // Time steps of respaced levels follow from logarithms in single precision.
      let difference = zip(scheduler.timesteps, list).map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(difference < 2e-2, "\(steps) steps")
    }
  }

  @Test(arguments: names, [5, 16])
  func sampling(name: String, steps: Int) throws {
    var scheduler = try scheduler(name)
    try scheduler.setTimesteps(steps)
    let scale = try #require(try cases.nested(name)?.nested("scale")).double("\(steps)")
    #expect(abs(Double(scheduler.initialNoiseScale) - scale) < 1e-5 * scale)
    let offsets = try golden["offsets"]
    let shape = offsets.shape.dropFirst()
    var generator = TorchGenerator(seed: UInt64(steps))
    var sample = try golden["start"] * scheduler.initialNoiseScale
    for index in scheduler.timesteps.indices {
      let offset = offsets.sliced(axis: 0, index..<index + 1).reshaped(Array(shape))
      let prediction = 0.5 * scheduler.modelInput(sample, at: index) + offset
      sample = scheduler.step(prediction, at: index, sample: sample) { generator.randn(Array(shape)) }
      expectClose(sample, try golden["\(name)/\(steps)/\(index)"], 2e-5, "step \(index)")
    }
  }

  /// A configuration that names no class is DDIM's; users name classes or use short names.
  @Test func shortAndLongNames() throws {
    #expect(SchedulerName(named: "EulerDiscreteScheduler") == .euler)
    #expect(SchedulerName(named: "DPMSolver++") == .dpmSolverPlusPlus)
    #expect(SchedulerName(named: "heun") == nil)
    #expect(SchedulerName.allCases.map(\.className).contains("DPMSolverMultistepScheduler"))
  }

  @Test(arguments: [
    (SchedulerName.pndm, "prediction_type", #"{"prediction_type": "sample"}"#),
    (.pndm, "rescale_betas_zero_snr", #"{"rescale_betas_zero_snr": true}"#),
    (.ddpm, "variance_type", #"{"variance_type": "learned"}"#),
    (.euler, "interpolation_type", #"{"interpolation_type": "log_linear"}"#),
    (.euler, "use_beta_sigmas", #"{"use_beta_sigmas": true, "use_exponential_sigmas": true}"#),
    (.euler, "use_exponential_sigmas", #"{"use_karras_sigmas": true, "use_exponential_sigmas": true}"#),
    (.eulerAncestral, "prediction_type", #"{"prediction_type": "sample"}"#),
    (.dpmSolverPlusPlus, "algorithm_type", #"{"algorithm_type": "dpmsolver"}"#),
    (.dpmSolverPlusPlus, "solver_order", #"{"algorithm_type": "sde-dpmsolver++", "solver_order": 3}"#),
    (.dpmSolverPlusPlus, "use_flow_sigmas", #"{"use_flow_sigmas": true}"#),
    (.lcm, "original_inference_steps", #"{"original_inference_steps": 2000}"#),
  ])
  func whatIsNotThereIsNamed(name: SchedulerName, key: String, text: String) throws {
    let json = try Configuration(JSON(parsing: Array(text.utf8), file: "scheduler"), file: "scheduler")
    let error = #expect(throws: CheckpointError.self) { try name.scheduler(json) }
    #expect(error?.message.contains("\"\(key)\"") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [(SchedulerName.lcm, 51), (.dpmSolverPlusPlus, 1000), (.pndm, 3), (.euler, 0), (.ddpm, 1001)])
  func impossibleStepsAreErrors(name: SchedulerName, steps: Int) throws {
    let json = try Configuration(JSON(parsing: Array("{}".utf8), file: "scheduler"), file: "scheduler")
    var scheduler = try name.scheduler(json)
    #expect(throws: SchedulerError.self) { try scheduler.setTimesteps(steps) }
  }
}
