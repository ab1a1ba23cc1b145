import Checkpoints
import Tensors
import Testing

@testable import Diffusion

/// The sampler and its inverse against diffusers.
@Suite struct DDIMTests {
  static let names = [
    "zeroscope", "trailing", "zero_snr", "zero_snr_to_one", "cosine", "linear_sample", "clipped",
  ]
  let golden: Golden
  let cases: Configuration

  init() throws {
    golden = try Golden("ddim/ddim.safetensors")
    cases = try Golden.configuration("ddim/ddim.json")
  }

  private func scheduler(_ name: String) throws -> DDIMScheduler {
    let json = try #require(try cases.nested(name)?.nested("config"))
    return try DDIMScheduler(json)
  }

  @Test func everyCaseIsTested() {
    #expect(Set(cases.values.keys) == Set(Self.names))
  }

  @Test(arguments: names)
  func noiseLevels(name: String) throws {
    let scheduler = try scheduler(name).noiseSchedule
    let expected = try golden["\(name)/alphas_cumprod"].toArray()
    #expect(scheduler.alphasCumprod.count == expected.count)
    for (found, expected) in zip(scheduler.alphasCumprod, expected) {
      #expect(abs(found - expected) < 1e-6)
    }
    #expect(abs(scheduler.finalAlphaCumprod - (try golden["\(name)/final_alpha_cumprod"].item)) < 1e-6)
  }

  @Test(arguments: names)
  func timesteps(name: String) throws {
    let scheduler = try scheduler(name).noiseSchedule
    let expected = try #require(try cases.nested(name)?.nested("timesteps"))
    for steps in 1...50 {
      #expect(try scheduler.visited(steps) == expected.ints("\(steps)", in: 0...999))
    }
  }

  @Test(arguments: names, [5, 7])
  func sampling(name: String, steps: Int) throws {
    var scheduler = try scheduler(name)
    try scheduler.setTimesteps(steps)
    let place = "\(name)/sampling/\(steps)"
    var sample = try golden["\(place)/start"]
    for i in scheduler.timesteps.indices {
      sample = scheduler.step(try golden["\(place)/prediction/\(i)"], at: i, sample: sample) {
        fatalError("DDIM draws no noise")
      }
      expectClose(sample, try golden["\(place)/sample/\(i)"], 1e-5, "step \(i)")
    }
  }

  @Test(arguments: names)
  func noising(name: String) throws {
    let scheduler = try scheduler(name).noiseSchedule
    let clean = try golden["\(name)/noising/clean"]
    let noise = try golden["\(name)/noising/noise"]
    let timesteps = try golden.integers("\(name)/noising/timesteps")
    let noisy = scheduler.addNoise(clean, noise, timesteps: timesteps)
    expectClose(noisy, try golden["\(name)/noising/noisy"], 1e-6)
    let velocity = scheduler.velocity(clean, noise, timesteps: timesteps)
    expectClose(velocity, try golden["\(name)/noising/velocity"], 1e-6)
  }

  @Test(arguments: names)
  func inversion(name: String) throws {
    let inverse = DDIMInverseScheduler(try scheduler(name).noiseSchedule)
    var latents = try golden["\(name)/noising/clean"]
    var previous: Int?
    for (i, timestep) in try inverse.timesteps(6).enumerated() {
      latents = inverse.step(
        try golden["\(name)/inversion/prediction/\(i)"], timestep: timestep, previous: previous,
        sample: latents)
      expectClose(latents, try golden["\(name)/inversion/latents/\(i)"], 1e-5, "step \(i)")
      previous = timestep
    }
  }

  /// Values that ZeroScope's and ModelScope's configuration is known by.
  @Test func zeroScope() throws {
    let scheduler = try scheduler("zeroscope").noiseSchedule
    #expect(abs(scheduler.alphasCumprod[500] - 0.276333) < 1e-6)
    #expect(abs(scheduler.alphasCumprod[981] - 0.0057755) < 1e-7)
    #expect(abs(scheduler.alphasCumprod[999] - 0.00466010) < 1e-8)
    #expect(scheduler.finalAlphaCumprod == scheduler.alphasCumprod[0])
    #expect(try Array(scheduler.timesteps(30).prefix(2)) == [958, 925])
    #expect(try Array(scheduler.timesteps(30).suffix(2)) == [34, 1])
    #expect(try scheduler.timesteps(50).first == 981)
    #expect(try DDIMInverseScheduler(scheduler).timesteps(50).prefix(2) == [1, 21])
  }

  @Test func impossibleRequestsAreErrors() throws {
    let scheduler = try scheduler("zeroscope").noiseSchedule
    #expect(throws: SchedulerError.self) { try scheduler.timesteps(0) }
    #expect(throws: SchedulerError.self) { try scheduler.timesteps(1001) }
    // The offset takes the first of 1000 steps beyond the last one trained.
    #expect(throws: SchedulerError.self) { try scheduler.timesteps(1000) }
    var configuration = try self.scheduler("zero_snr").configuration
    configuration.predictionType = .epsilon
    configuration.timestepSpacing = .trailing
    #expect(throws: SchedulerError.self) { try NoiseSchedule(configuration).timesteps(10) }
  }
}
