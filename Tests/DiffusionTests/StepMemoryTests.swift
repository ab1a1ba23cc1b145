import Kernels
import Layers
import Tensors
import Testing

@testable import Diffusion

/// A whole step, forward and backward to a motion embedding, takes nothing from the system once it has run.
@Suite(.serialized) struct StepMemoryTests {
  private struct Step {
    let model: UNet3DConditionModel
    let sample: Tensor
    let text: TextContext
    let timesteps: [Int]

    init() throws {
      let (model, golden) = try UNet3DConditionModelTests.load("unet-gradients")
      self.model = model
      sample = try golden.clips("0/sample")
      text = model.prepare(try golden["0/text"])
      timesteps = try golden.integers("0/timesteps")
    }

    /// The loss and the gradients.
    func callAsFunction() throws -> [[Float]] {
      let shape = sample.shape
      var adapters = Adapters.none
      var leaves: [Tensor] = []
      for site in model.configuration.motionSites(latentHeight: shape[2], latentWidth: shape[3]) {
        let motion = TemporalMotion(
          queryKey: Tensor.filled([shape[1], 1, site.channels], 0.1).asParameter(),
          value1: Tensor.filled([shape[1], site.height * site.width, site.channels], 0.1).asParameter())
        adapters.motion[site.path] = motion
        leaves += [motion.queryKey, motion.value1].compactMap { $0 }
      }
      let output = try model(sample, timesteps: timesteps, text: text, Context(adapters: adapters))
      let loss = output.meanSquaredError(sample)
      return [loss.toArray()] + (try gradients(of: loss, for: leaves)).map { $0.toArray() }
    }
  }

  @Test func laterStepsTakeNoMemory() throws {
    let step = try Step()
    _ = try step()
    // Other suites use the same pool at the same time: a step with allocations of its own would never be quiet.
    let quiet = try (0..<40).filter { _ in
      let before = MemoryPool.shared.statistics.allocations
      _ = try step()
      return MemoryPool.shared.statistics.allocations == before
    }
    #expect(!quiet.isEmpty)
  }

  @Test func resultsAreTheSameBytes() throws {
    let step = try Step()
    let first = try step()
    #expect(first.count > 1 && first.dropFirst().contains { $0.contains { $0 != 0 } })
    for _ in 0..<3 { #expect(try step() == first) }
  }
}
