import Checkpoints
import Layers
import Synchronization
import Tensors
import Testing

@testable import Diffusion

/// The UNet against diffusers, at odd sizes and with several clips.
@Suite struct UNet3DConditionModelTests {
  static func load(_ folder: String) throws -> (model: UNet3DConditionModel, golden: Golden) {
    let weights = Weights(
      try Golden("\(folder)/diffusion_pytorch_model.safetensors").source, name: folder)
    let configuration = try UNetConfiguration(try Golden.configuration("\(folder)/config.json"))
    let model = try UNet3DConditionModel(weights.root, configuration)
    try weights.finish()
    return (model, try Golden("\(folder)/golden.safetensors"))
  }

  @Test(arguments: ["unet-two-levels", "unet-three-levels", "unet-gradients"])
  func outputs(folder: String) throws {
    let (model, golden) = try Self.load(folder)
    var cases = 0
    while golden.has("\(cases)/sample") {
      let text = try golden["\(cases)/text"]
      let sample = try golden.clips("\(cases)/sample")
      let timesteps = try golden.integers("\(cases)/timesteps")
      let expected = try golden.clips("\(cases)/output")
      let plain = try model(sample, timesteps: timesteps, text: TextContext(text))
      expectClose(plain, expected, 1e-4, "\(folder) \(cases)")
      // Keys and values made beforehand change nothing.
      let prepared = try model(sample, timesteps: timesteps, text: model.prepare(text))
      #expect(prepared.toArray() == plain.toArray())
      cases += 1
    }
    #expect(cases > 0)
  }

  @Test(arguments: [false, true])
  func gradientsOfEveryParameter(recomputed: Bool) throws {
    let golden = try Golden("unet-gradients/golden.safetensors")
    let trainable = TrainableGolden(try Golden("unet-gradients/diffusion_pytorch_model.safetensors").source)
    let configuration = try UNetConfiguration(try Golden.configuration("unet-gradients/config.json"))
    let model = try UNet3DConditionModel(trainable.weights.root, configuration)
    try trainable.weights.finish()
    let output = try model(
      try golden.clips("0/sample"), timesteps: try golden.integers("0/timesteps"),
      text: TextContext(try golden["0/text"]), Context(recomputesActivations: recomputed))
    let loss = output.meanSquaredError(try golden.clips("0/target"))
    expectClose(loss, try golden["0/loss"], 1e-4, "loss")
    try trainable.expectGradients(of: loss, try Golden("unet-gradients/gradients.safetensors"), 1e-4)
  }

  @Test(arguments: [1, 7, 1000])
  func chunkedFeedForwardGivesTheSame(size: Int) throws {
    let (model, golden) = try Self.load("unet-two-levels")
    let output = try model(
      try golden.clips("0/sample"), timesteps: try golden.integers("0/timesteps"),
      text: TextContext(try golden["0/text"]), Context(feedForwardChunk: size))
    expectClose(output, try golden.clips("0/output"), 1e-4)
  }

  @Test func oneTimestepAndOnePromptServeAllClips() throws {
    let (model, golden) = try Self.load("unet-gradients")
    let sample = try golden.clips("0/sample")
    let text = try golden["0/text"].sliced(axis: 0, 0..<1)
    let shared = try model(sample, timesteps: [7], text: TextContext(text))
    let apart = try model(
      sample, timesteps: [7, 7], text: TextContext(Tensor.concatenated([text, text], axis: 0)))
    expectClose(shared, apart, 1e-5)
  }

  /// One model serves many threads, and each gets the same bytes.
  @Test func sameBytesOnManyThreads() async throws {
    let (model, golden) = try Self.load("unet-three-levels")
    let sample = try golden.clips("0/sample")
    let timesteps = try golden.integers("0/timesteps")
    let text = TextContext(try golden["0/text"])
    let first = try model(sample, timesteps: timesteps, text: text).toArray()
    try await withThrowingTaskGroup(of: [Float].self) { group in
      for _ in 0..<8 {
        group.addTask { try model(sample, timesteps: timesteps, text: text).toArray() }
      }
      for try await output in group { #expect(output == first) }
    }
  }

  @Test func wrongInputsAreErrors() throws {
    let (model, golden) = try Self.load("unet-gradients")
    let sample = try golden.clips("0/sample")
    let text = try golden["0/text"]
    #expect(throws: ModelInputError.self) {
      try model(sample, timesteps: [1, 2, 3], text: TextContext(text))
    }
    #expect(throws: ModelInputError.self) {
      try model(sample.sliced(axis: 4, 0..<3), timesteps: [1], text: TextContext(text))
    }
    #expect(throws: ModelInputError.self) {
      try model(sample, timesteps: [1], text: TextContext(text.sliced(axis: 2, 0..<8)))
    }
  }

  @Test func cancellationEndsTheForward() throws {
    struct Cancelled: Error {}
    let (model, golden) = try Self.load("unet-gradients")
    let polls = Mutex(0)
    let context = Context(checkCancellation: {
      let count = polls.withLock { polls in
        polls += 1
        return polls
      }
      if count == 3 { throw Cancelled() }
    })
    #expect(throws: Cancelled.self) {
      try model(
        try golden.clips("0/sample"), timesteps: [1], text: TextContext(try golden["0/text"]), context)
    }
    #expect(polls.withLock { $0 } == 3)
  }

  /// Sites and grids as methods see them; ZeroScope at 576x320 has 10x18 in down_blocks.2.
  @Test func motionSites() throws {
    let json = try Configuration(
      JSON(parsing: Array(#"{"attention_head_dim": 64, "sample_size": 32}"#.utf8), file: "zeroscope"),
      file: "zeroscope")
    let sites = try UNetConfiguration(json).motionSites(latentHeight: 40, latentWidth: 72)
    #expect(sites.count == 15)
    #expect(
      sites[4]
        == MotionSite(
          path: "down_blocks.2.temp_attentions.0.transformer_blocks.0", channels: 1280, height: 10, width: 18)
    )
    #expect(sites[6].path == "up_blocks.1.temp_attentions.0.transformer_blocks.0")
    #expect(sites[6].height == 10 && sites[14].height == 40 && sites[14].channels == 320)
  }
}
