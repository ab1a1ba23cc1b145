import Checkpoints
import Layers
import Tensors
import Testing

@testable import Diffusion

/// Several guided steps from token ids to pictures, against diffusers' pipeline.
@Suite struct SamplingTests {
  @Test(arguments: [("tiny-zeroscope", "guided"), ("tiny-zeroscope", "negative"), ("tiny-vpred", "guided")])
  func guidedSampling(folder: String, name: String) throws {
    let tiny = try TinyFolder(folder)
    let golden = try tiny.golden("sampling")
    let settings = try #require(try Golden.configuration("\(folder)/golden/sampling.json").nested(name))
    let steps = try settings.int("num_inference_steps")
    let guidance = Float(try settings.double("guidance_scale"))

    let ids = try ["negative_ids", "prompt_ids"].map { try golden.integers("\(name)/\($0)") }
    let text = try tiny.textEncoder(ids)
    expectClose(text.sliced(axis: 0, 1..<2), try golden["\(name)/prompt_embeds"], 1e-5, "prompt")
    let prepared = tiny.unet.prepare(text)

    var latents = try golden.clips("\(name)/latents/start")
    var scheduler = tiny.scheduler
    try scheduler.setTimesteps(steps)
    for (i, timestep) in scheduler.timesteps.enumerated() {
      let both = try tiny.unet(
        Tensor.concatenated([latents, latents], axis: 0), timesteps: [timestep], text: prepared)
      let (negative, positive) = (both.sliced(axis: 0, 0..<1), both.sliced(axis: 0, 1..<2))
      let prediction = negative + guidance * (positive - negative)
      latents = scheduler.step(prediction, at: i, sample: latents) { fatalError("DDIM draws no noise") }
      expectClose(latents, try golden.clips("\(name)/latents/\(i)"), 1e-3, "latents \(i)")
    }

    let scaled = latents * (1 / tiny.autoencoder.configuration.scalingFactor)
    let pictures = try tiny.autoencoder.decode(scaled.reshaped([-1] + scaled.shape.suffix(3)))
    let bytes = pictures.toArray().map { (min(max($0 / 2 + 0.5, 0), 1) * 255).rounded(.toNearestOrEven) }
    let expected = try golden["\(name)/frames"].toArray()
    #expect(bytes.count == expected.count)
    #expect(zip(bytes, expected).allSatisfy { abs($0 - $1) <= 1 })
  }
}
