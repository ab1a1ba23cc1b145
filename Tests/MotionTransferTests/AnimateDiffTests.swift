import Checkpoints
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// A picture model with a motion adapter, as users run it: against diffusers' AnimateDiffPipeline.
@Suite struct AnimateDiffTests {
  static let model = "\(Golden.folder)/tiny-animatediff"
  static let original = "\(Golden.folder)/motion-modules/mm_tiny.ckpt"

  @Test(arguments: [("ddim", "auto"), ("euler_ancestral", "euler-ancestral")])
  func equalsDiffusers(name: String, scheduler: String) throws {
    let golden = try Golden("tiny-animatediff/golden/sampling.safetensors")
    let json = try #require(try Golden.configuration("tiny-animatediff/golden/sampling.json").nested(name))
    var options = try Options(golden: json)
    options.scheduler = scheduler
    // The adapter lies in the model's folder, as diffusers saves the pipeline.
    let pipeline = try TextToVideoPipeline(try ModelDescription(Self.model), Job())
    let settings = try Settings(options, pipeline.description)
    var generator = TorchGenerator(seed: options.seed)
    let start = pipeline.noise(settings.geometry, using: &generator)
    let latents = try pipeline.sample(start, settings, adapters: .none, using: &generator, Job())
    expectClose(latents, try golden.clips("\(name)/latents/\(settings.numInferenceSteps - 1)"), 1e-3, "latents")
    expectFrames(try pipeline.decode(latents, Job()), try golden["\(name)/frames"])
  }

  @Test func learnsAndAppliesWithAnOriginalFile() throws {
    let engine = try MotionTransferEngine(model: Self.model, motionAdapter: Self.original)
    #expect(engine.recommendations.sites == "down_blocks.2,up_blocks.1")
    #expect(engine.recommendations.numFrames == 16 && engine.recommendations.guidanceScale == 7.5)
    var options = Options()
    (options.width, options.height, options.numFrames, options.sites) = (16, 16, 4, "all")
    (options.inversionSteps, options.ddimInversionSteps, options.numInferenceSteps) = (2, 2, 2)
    (options.prompt, options.referencePrompt) = ("a fox", "a disc")
    let pixels = (0..<4 * 16 * 16 * 3).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 768 * 40) }
    let reference = Clip(frames: 4, height: 16, width: 16, pixels: pixels)
    let embedding = try engine.learn(reference, options)
    #expect(embedding.blocks.count == 6 && embedding.blocks.keys.allSatisfy { $0.contains(".motion_modules.") })
    let moved = try engine.generate(options, embedding: embedding)
    let plain = try engine.generate(options, embedding: nil)
    #expect(moved.frames == 4 && moved != plain)
  }

  /// AnimateDiff's own files of low-rank additions, and the group norm of its first version, against the same changes of
  /// diffusers' modules.
  @Test(arguments: ["domain", "motion-lora", "v1"]) func changesOfTheModel(_ name: String) throws {
    let json = try #require(try Golden.configuration("tiny-animatediff/golden/sampling.json").nested("ddim"))
    var options = try Options(golden: json)
    var motion: MotionEmbedding?
    if name == "v1" {
      options.v1GroupNorm = true
    } else {
      options.loraWeights = "\(Self.model)/golden/domain_adapter.ckpt"
      options.adapterWeights = "0.5"
    }
    if name == "motion-lora" {
      motion = try MotionEmbedding(contentsOf: "\(Self.model)/golden/motion_lora.ckpt")
      options.loraScale = 0.75
    }
    let engine = try MotionTransferEngine(model: Self.model)
    let expected = try Golden("tiny-animatediff/golden/changes.safetensors")["\(name)/frames"]
    expectFrames(try engine.generate(options, embedding: motion), expected)
    options.adapterWeights = "1,2"
    let error = #expect(throws: MotionTransferError.self) { try engine.generate(options, embedding: motion) }
    #expect(error?.message.hasPrefix("adapter-weights") == true)
  }

  /// The model's own additions stay what they are while a motion is learned, and stand beside those that learn.
  @Test(arguments: [Loss.base, .hybrid]) func learningWithADomainAdapter(_ loss: Loss) throws {
    let engine = try MotionTransferEngine(model: Self.model)
    var options = Options()
    (options.width, options.height, options.numFrames, options.sites) = (16, 16, 3, "all")
    (options.inversionSteps, options.ddimInversionSteps, options.referencePrompt) = (3, 2, "a disc")
    (options.loss, options.rank) = (loss, 2)
    let reference = Clip(
      frames: 3, height: 16, width: 16, pixels: (0..<2304).map { UInt8(truncatingIfNeeded: $0 * 11) })
    let plain = try engine.learn(reference, options)
    options.loraWeights = "\(Self.model)/golden/domain_adapter.ckpt"
    options.adapterWeights = "0"
    let idle = try engine.learn(reference, options)
    #expect(idle.metadata["final-loss"] == plain.metadata["final-loss"])
    options.adapterWeights = "1"
    let other = try engine.learn(reference, options)
    #expect(other.metadata["final-loss"] != plain.metadata["final-loss"])
    #expect(other.inversionNoise?.toArray() != plain.inversionNoise?.toArray())
  }

  @Test func wrongCombinationsAreExplained() throws {
    let clips = "\(Golden.folder)/tiny-zeroscope"
    let needless = #expect(throws: MotionTransferError.self) {
      try MotionTransferEngine.geometry(model: clips, motionAdapter: Self.original, Options())
    }
    #expect(needless?.kind == .settings && needless?.message.contains("motion-adapter") == true)
    var options = Options()
    options.numFrames = 25
    let long = #expect(throws: MotionTransferError.self) {
      try MotionTransferEngine.geometry(model: Self.model, options)
    }
    #expect(long?.kind == .settings && long?.message.contains("24") == true)
    options.numFrames = 8
    options.scheduler = "heun"
    let unknown = #expect(throws: MotionTransferError.self) {
      try MotionTransferEngine.geometry(model: Self.model, options)
    }
    #expect(unknown?.kind == .settings && unknown?.message.contains("euler-ancestral") == true)
    options.scheduler = "lcm"
    options.numInferenceSteps = 51
    let many = #expect(throws: MotionTransferError.self) {
      try MotionTransferEngine.geometry(model: Self.model, options)
    }
    #expect(many?.kind == .settings && many?.message.contains("num-inference-steps") == true)
  }

  /// Chunks and recomputation change memory, not results.
  @Test func memoryOptionsLearnTheSame() throws {
    let engine = try MotionTransferEngine(model: Self.model)
    var options = Options()
    (options.width, options.height, options.numFrames, options.sites) = (16, 16, 3, "all")
    (options.inversionSteps, options.ddimInversionSteps, options.referencePrompt) = (3, 0, "a disc")
    let reference = Clip(
      frames: 3, height: 16, width: 16, pixels: (0..<2304).map { UInt8(truncatingIfNeeded: $0 * 11) })
    let plain = try engine.learn(reference, options)
    options.memory.gradientCheckpointing = true
    options.memory.feedForwardChunk = 5
    let sparing = try engine.learn(reference, options)
    let path = "up_blocks.1.motion_modules.0.transformer_blocks.0"
    let (one, other) = (try #require(plain.blocks[path]?.value1), try #require(sparing.blocks[path]?.value1))
    expectClose(other, one, 1e-3)
    options.memory.feedForwardChunk = 0
    let error = #expect(throws: MotionTransferError.self) { try engine.learn(reference, options) }
    #expect(error?.message.contains("feed-forward-chunk") == true)
  }

  /// Another adapter is another model to an embedding.
  @Test func theAdapterIsPartOfTheIdentity() throws {
    let one = try ModelDescription(Self.model).identity
    #expect(one != (try ModelDescription(Self.model, motionAdapter: Self.original).identity))
  }
}
