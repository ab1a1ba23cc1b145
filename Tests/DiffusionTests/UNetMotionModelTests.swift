import Checkpoints
import Layers
import Tensors
import Testing

@testable import Diffusion

/// AnimateDiff's UNet against diffusers, with adapters in its layout and in the original one.
@Suite struct UNetMotionModelTests {
  static let folder = "\(Golden.folder)/tiny-animatediff"
  static let files = [
    ("adapter", "\(folder)/motion_adapter"), ("original", "\(Golden.folder)/motion-modules/mm_tiny.ckpt"),
    ("original", "\(Golden.folder)/motion-modules/mm_tiny.safetensors"),
  ]

  private func load(_ adapter: MotionAdapter) throws -> UNetMotionModel {
    let folder = ComponentFolder("\(Self.folder)/unet")
    let configuration = try UNetConfiguration(folder.configuration(), adapter: adapter.configuration)
    let (weights, motion) = (try folder.weights(), adapter.weights())
    let model = try UNetMotionModel(weights.root, motion: motion.root, configuration)
    try weights.finish()
    try motion.finish()
    return model
  }

  private func motion(_ golden: Golden, _ sites: [MotionSite]) throws -> [(key: String, tensor: Tensor)] {
    try sites.flatMap { site in
      try ["pos_embed", "attn1.vSpatial", "attn2.vSpatial"].map { part in
        let key = "\(site.path).\(part)"
        return (key, try golden["embedding/\(key)"].permuted([1, 0, 2]))
      }
    }
  }

  private func adapters(_ sites: [MotionSite], _ tensors: [Tensor]) -> Adapters {
    let motions = sites.enumerated().map { i, site in
      (site.path, TemporalMotion(queryKey: tensors[3 * i], value1: tensors[3 * i + 1], value2: tensors[3 * i + 2]))
    }
    return Adapters(motion: Dictionary(uniqueKeysWithValues: motions))
  }

  @Test(arguments: files)
  func outputsAndGradients(name: String, path: String) throws {
    let model = try load(try MotionAdapter(path))
    let golden = try Golden("tiny-animatediff/golden/\(name).safetensors")
    let sample = try golden.clips("sample")
    let text = TextContext(try golden["text"])
    let timesteps = try golden.integers("timesteps")
    let plain = try model(sample, timesteps: timesteps, text: text)
    expectClose(plain, try golden.clips("output/without"), 1e-4, "without")

    let sites = model.configuration.motionSites(latentHeight: sample.shape[2], latentWidth: sample.shape[3])
    let embedding = try motion(golden, sites)
    #expect(embedding.count == golden.source.names.filter { $0.hasPrefix("embedding/") }.count)
    for site in sites {
      #expect(try golden["embedding/\(site.path).attn1.vSpatial"].shape[0] == site.height * site.width)
    }
    let moved = try model(
      sample, timesteps: timesteps, text: text, Context(adapters: adapters(sites, embedding.map(\.tensor))))
    expectClose(moved, try golden.clips("output/moved"), 1e-4, "with motion")

    let (loss, gradients) = try valueAndGradients(of: embedding.map(\.tensor)) { leaves in
      try model(sample, timesteps: timesteps, text: text, Context(adapters: adapters(sites, leaves)))
        .meanSquaredError(golden.clips("noise"))
    }
    expectClose(loss, try golden["loss"], 1e-4, "loss")
    for (entry, gradient) in zip(embedding, gradients) {
      expectClose(gradient, try golden["gradient/\(entry.key)"].permuted([1, 0, 2]), 1e-4, entry.key)
    }
  }

  @Test func configurationsOfAdapters() throws {
    let folder = try MotionAdapter(Self.files[0].1).configuration
    #expect(folder.hasMidBlock && folder.maximumFrames == 24 && !folder.normalizesEachFrame)
    let original = try MotionAdapter(Self.files[1].1).configuration
    #expect(!original.hasMidBlock && original.maximumFrames == 32 && original.normalizesEachFrame)
    #expect(original.blockOutChannels == [8, 16] && original.layersPerBlock == 1)
  }

  /// A file of something else, and an adapter of a larger model.
  @Test func whatDoesNotBelongIsNamed() throws {
    #expect(throws: CheckpointError.self) { try MotionAdapter("\(Golden.folder)/ops/ops.safetensors") }
    let json = try ComponentFolder("\(Self.folder)/unet").configuration()
    let pictures = #expect(throws: CheckpointError.self) { try UNetConfiguration(json) }
    #expect(pictures?.message.contains("motion-adapter") == true)
    var adapter = try MotionAdapter(Self.files[0].1).configuration
    adapter.blockOutChannels = [320, 640]
    let larger = #expect(throws: CheckpointError.self) { try UNetConfiguration(json, adapter: adapter) }
    #expect(larger?.message.contains("[320, 640]") == true)
  }

  @Test func tooManyFramesAreAnError() throws {
    let model = try load(try MotionAdapter(Self.files[0].1))
    let text = TextContext(Tensor.zeros([1, 3, 16]))
    #expect(throws: ModelInputError.self) {
      try model(Tensor.zeros([1, 25, 4, 4, 4]), timesteps: [1], text: text)
    }
  }

  /// Stable Diffusion 1.5 with an adapter of its sizes: 20 motion modules in the down and up blocks.
  @Test func sitesOfStableDiffusion() throws {
    let adapter = try Configuration(JSON(parsing: Array("{}".utf8), file: "adapter"), file: "adapter")
    let text = """
      {"_class_name": "UNet2DConditionModel", "attention_head_dim": 8, "cross_attention_dim": 768, "sample_size": 64,
       "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
       "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}
      """
    let json = try Configuration(JSON(parsing: Array(text.utf8), file: "unet"), file: "unet")
    let configuration = try UNetConfiguration(json, adapter: try MotionAdapterConfiguration(adapter: adapter))
    #expect(configuration.headWidths == [40, 80, 160, 160] && configuration.sampleSize == [64, 64])
    let sites = configuration.motionSites(latentHeight: 64, latentWidth: 64)
    #expect(sites.count == 20)
    #expect(
      sites[4]
        == MotionSite(
          path: "down_blocks.2.motion_modules.0.transformer_blocks.0", channels: 1280, height: 16, width: 16))
    #expect(sites[6].height == 8 && sites[8].path == "up_blocks.0.motion_modules.0.transformer_blocks.0")
  }
}
