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

/// Products at other precisions, by option.
@Suite struct ArithmeticTests {
  private func options(_ arithmetic: Arithmetic, _ convolution: ConvolutionMethod = .winograd2)
    -> Options
  {
    var options = Options()
    options.prompt = "a cat"
    (options.numFrames, options.width, options.height) = (4, 32, 32)
    options.numInferenceSteps = 2
    options.arithmetic = arithmetic
    options.convolution = convolution
    return options
  }

  /// Jobs of one model at the same time: each gets what it would get alone.
  @Test func jobsComputeAsEachAsks() async throws {
    let engine = try MotionTransferEngine(model: "\(Golden.folder)/tiny-zeroscope")
    let exact = try engine.generate(options(.float32), embedding: nil)
    let rounded = try engine.generate(options(.bfloat16), embedding: nil)
    #expect(exact != rounded)
    let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
      for job in 0..<8 {
        group.addTask {
          let isRounded = job % 2 == 1
          let clip = try engine.generate(options(isRounded ? .bfloat16 : .float32), embedding: nil)
          return clip != (isRounded ? rounded : exact)
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: ConvolutionMethod.allCases) func convolutionsDifferByRoundingOnly(method: ConvolutionMethod) throws {
    let engine = try MotionTransferEngine(model: "\(Golden.folder)/tiny-zeroscope")
    let direct = try engine.generate(options(.float32, .direct), embedding: nil)
    let clip = try engine.generate(options(.float32, method), embedding: nil)
    #expect(zip(clip.pixels, direct.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
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
