import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

@testable import Diffusion

/// Motion embeddings in a frozen UNet, against the paper's formulas on diffusers' model.
@Suite struct MotionAdapterTests {
  static let folders = ["tiny-zeroscope", "tiny-vpred"]

  /// The embedding's tensors in the engine's layout by the keys of its file.
  private func embedding(_ golden: Golden) throws -> [String: Tensor] {
    let prefix = "embedding/"
    let keys = golden.source.names.filter { $0.hasPrefix(prefix) }
    return try Dictionary(
      uniqueKeysWithValues: keys.map { key in
        (String(key.dropFirst(prefix.count)), try golden[key].permuted([1, 0, 2]))
      })
  }

  private func adapters(_ tensors: [String: Tensor]) -> Adapters {
    var adapters = Adapters()
    for (key, tensor) in tensors {
      guard let end = key.range(of: ".transformer_blocks.0")?.upperBound else { continue }
      let block = String(key[..<end])
      var motion = adapters.motion[block] ?? TemporalMotion()
      switch key[end...] {
      case ".pos_embed": motion.queryKey = tensor
      case ".attn1.vSpatial": motion.value1 = tensor
      default: motion.value2 = tensor
      }
      adapters.motion[block] = motion
    }
    return adapters
  }

  @Test(arguments: folders)
  func outputs(folder: String) throws {
    let tiny = try TinyFolder(folder)
    let golden = try tiny.golden("motion_modes")
    let sample = try golden.clips("sample")
    let both = Tensor.concatenated([sample, sample], axis: 0)
    let timesteps = try golden.integers("timesteps")
    let text = TextContext(try golden["text"])
    let plain = try tiny.unet(both, timesteps: timesteps, text: text)
    expectClose(plain, try golden.clips("output/without"), 1e-4, "without")
    let embedding = try embedding(golden)
    let sites = tiny.unet.configuration.motionSites(
      latentHeight: sample.shape[2], latentWidth: sample.shape[3])
    #expect(embedding.count == 3 * sites.count)
    for site in sites {
      #expect(
        embedding["\(site.path).attn1.vSpatial"]?.shape
          == [sample.shape[1], site.height * site.width, site.channels])
    }
    let moved = try tiny.unet(
      both, timesteps: timesteps, text: text, Context(adapters: adapters(embedding)))
    expectClose(moved, try golden.clips("output/none"), 1e-4, "with motion")
    #expect(moved.toArray() != plain.toArray())
  }

  @Test(arguments: folders, [false, true])
  func gradientsOfTheEmbedding(folder: String, recomputed: Bool) throws {
    let tiny = try TinyFolder(folder)
    let golden = try tiny.golden("motion_modes")
    let tensors = try embedding(golden)
    let keys = tensors.keys.sorted()
    let text = try golden["text"].sliced(axis: 0, 1..<2)
    let (loss, found) = try valueAndGradients(of: keys.compactMap { tensors[$0] }) { leaves in
      let adapters = adapters(Dictionary(uniqueKeysWithValues: zip(keys, leaves)))
      let output = try tiny.unet(
        try golden.clips("sample"), timesteps: try golden.integers("timesteps"), text: TextContext(text),
        Context(adapters: adapters, recomputesActivations: recomputed))
      return output.meanSquaredError(try golden.clips("noise"))
    }
    expectClose(loss, try golden["loss"], 1e-4, "loss")
    for (key, gradient) in zip(keys, found) {
      expectClose(gradient, try golden["gradient/\(key)"].permuted([1, 0, 2]), 1e-4, "gradient of \(key)")
    }
  }

  /// Ten steps of AdamW from zero, with torch's random draws.
  @Test(arguments: [("tiny-zeroscope", "0.02"), ("tiny-zeroscope", "0.05"), ("tiny-vpred", "0.02")])
  func tenLearningSteps(folder: String, rate: String) throws {
    let tiny = try TinyFolder(folder)
    let golden = try tiny.golden("learning")
    let latents = try golden.clips("latents")
    let shape = try golden["latents"].shape
    let text = tiny.unet.prepare(try golden["text"])
    let sites = tiny.unet.configuration.motionSites(
      latentHeight: latents.shape[2], latentWidth: latents.shape[3])
    let frames = latents.shape[1]
    let parameters = sites.flatMap { site in
      let value = [frames, site.height * site.width, site.channels]
      return [[frames, 1, site.channels], value, value].map { Tensor.zeros($0).asParameter() }
    }
    var adapters = Adapters()
    for (i, site) in sites.enumerated() {
      adapters.motion[site.path] = TemporalMotion(
        queryKey: parameters[3 * i], value1: parameters[3 * i + 1], value2: parameters[3 * i + 2])
    }
    var generator = TorchGenerator(seed: 5)
    _ = generator.randn([shape[2], shape[1], shape[3], shape[4]])
    var optimizer = AdamW(learningRate: try #require(Double(rate)))
    let timesteps = try golden.integers("timesteps")
    let losses = try golden["\(rate)/losses"].toArray()
    #expect(losses.count == 10)
    for (timestep, expected) in zip(timesteps, losses) {
      #expect(generator.randint(below: tiny.scheduler.configuration.trainTimesteps) == timestep)
      let noise = generator.randn(shape).permuted([0, 2, 3, 4, 1])
      let noisy = tiny.scheduler.addNoise(latents, noise, timesteps: [timestep])
      let output = try tiny.unet(noisy, timesteps: [timestep], text: text, Context(adapters: adapters))
      let loss = output.meanSquaredError(tiny.scheduler.target(latents, noise, timesteps: [timestep]))
      #expect(abs(loss.item - expected) < 1e-3 * expected)
      optimizer.step(parameters, try gradients(of: loss, for: parameters))
    }
  }
}
