import Checkpoints
import Diffusion
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// Whole guided samplings from a seed against diffusers' TextToVideoSDPipeline.
@Suite struct SamplingTests {
  @Test(
    arguments: [
      ("tiny-zeroscope", "guided"), ("tiny-zeroscope", "negative"), ("tiny-zeroscope", "unguided"),
      ("tiny-vpred", "guided"), ("tiny-vpred", "rescaled"),
    ])
  func equalsDiffusers(folder: String, name: String) throws {
    let golden = try Golden("\(folder)/golden/sampling.safetensors")
    let json = try #require(try Golden.configuration("\(folder)/golden/sampling.json").nested(name))
    let options = try Options(golden: json)
    let pipeline = try TextToVideoPipeline(
      try ModelDescription("\(Golden.folder)/\(folder)"), Job())
    let settings = try Settings(options, pipeline.description)

    #expect(
      pipeline.tokenizer.encode(options.prompt, maxLength: 77) == (try golden.integers("\(name)/prompt_ids")))
    let context = pipeline.context(Job())
    expectClose(
      try pipeline.encode([options.prompt], context), try golden["\(name)/prompt_embeds"], 1e-5, "text")

    var generator = TorchGenerator(seed: options.seed)
    let start = pipeline.noise(settings.geometry, using: &generator)
    expectClose(start, try golden.clips("\(name)/latents/start"), 1e-6, "start")
    // From torch's own start: the tiny random networks amplify the last bit of a normal a hundredfold.
    let latents = try pipeline.sample(
      try golden.clips("\(name)/latents/start"), settings, adapters: .none, using: &generator, Job())
    expectClose(
      latents, try golden.clips("\(name)/latents/\(settings.numInferenceSteps - 1)"), 1e-4, "latents")

    let engine = try MotionTransferEngine(model: "\(Golden.folder)/\(folder)")
    let clip = try engine.generate(options, embedding: nil)
    expectFrames(clip, try golden["\(name)/frames"])
    #expect(try engine.generate(options, embedding: nil) == clip, "the same seed gives the same bytes")
  }

  /// Another sampler than the folder's; the stochastic ones draw each frame's noise as (C, h, w).
  @Test(arguments: ["ddpm", "euler-ancestral", "dpmsolver++"])
  func otherSchedulersEqualDiffusers(scheduler: String) throws {
    let golden = try Golden("schedulers/pipeline.safetensors")
    var options = try Options(golden: try Golden.configuration("schedulers/pipeline.json"))
    options.scheduler = scheduler
    let pipeline = try TextToVideoPipeline(try ModelDescription("\(Golden.folder)/tiny-zeroscope"), Job())
    let settings = try Settings(options, pipeline.description)
    var generator = TorchGenerator(seed: options.seed)
    let start = pipeline.noise(settings.geometry, using: &generator)
    let latents = try pipeline.sample(start, settings, adapters: .none, using: &generator, Job())
    expectClose(latents, try golden.clips("\(scheduler)/latents"), 1e-3, "latents")
  }
}

extension Options {
  /// The settings of a golden sampling, in diffusers' names.
  init(golden json: Configuration) throws {
    self.init()
    prompt = try json.string("prompt")
    negativePrompt = try json.string("negative_prompt", default: "")
    seed = UInt64(try json.int("seed", in: 0...Int.max))
    numInferenceSteps = try json.int("num_inference_steps")
    guidanceScale = try json.double("guidance_scale")
    guidanceRescale = try json.double("guidance_rescale", default: 0)
    numFrames = try json.int("num_frames")
    width = try json.int("width")
    height = try json.int("height")
  }
}

/// Fails where a byte differs by more than one from the golden's (F, H, W, 3).
func expectFrames(_ clip: Clip, _ golden: Tensor, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect([clip.frames, clip.height, clip.width, 3] == golden.shape, sourceLocation: sourceLocation)
  let difference = zip(clip.pixels, golden.toArray()).map { abs(Float($0) - $1) }.max() ?? .infinity
  #expect(difference <= 1, "largest difference of a byte", sourceLocation: sourceLocation)
}
