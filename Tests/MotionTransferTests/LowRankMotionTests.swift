import Checkpoints
import Diffusion
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// MotionDirector, TAP, VMC, the hybrid loss and the appearance highway against their formulas in torch; their files.
@Suite struct LowRankMotionTests {
  private static let model = "\(Golden.folder)/tiny-zeroscope"
  private static let cases = [
    "motion-director", "tap-k", "tap-k+out", "tap-qk", "several", "vmc-paper", "vmc-code", "hybrid",
  ]

  private func golden() throws -> Golden { try Golden("tiny-zeroscope/golden/motion_lora.safetensors") }

  private func references(_ count: Int) throws -> [Reference] {
    let frames = try Golden("tiny-zeroscope/golden/learning.safetensors")["reference_frames"]
    let size = frames.count / frames.shape[0]
    let forwards = frames.toArray().map { UInt8($0) }
    let backwards = (0..<frames.shape[0]).reversed().flatMap { forwards[$0 * size..<($0 + 1) * size] }
    let prompts = ["a man is walking on the beach", "a red fox walking in the snow"]
    return zip([forwards, Array(backwards)], prompts).prefix(count).map { pixels, prompt in
      Reference(
        Clip(frames: frames.shape[0], height: frames.shape[1], width: frames.shape[2], pixels: pixels), prompt: prompt)
    }
  }

  /// Ten steps of a case, and its losses.
  private func learn(_ name: String, _ engine: MotionTransferEngine) throws -> (
    motion: MotionEmbedding, losses: [Float]
  ) {
    let json = try #require(try Golden.configuration("tiny-zeroscope/golden/motion_lora.json").nested(name))
    var options = try Options(learning: try Golden.configuration("tiny-zeroscope/golden/learning.json"))
    options.ddimInversionSteps = 0
    options.method = Method(rawValue: try json.string("method"))
    options.loss = Loss(rawValue: try json.string("loss"))
    options.lowRankTargets = LowRankTargets(rawValue: try json.string("targets"))
    options.rank = try json.int("rank")
    options.dropout = try json.double("dropout")
    options.learningRate = options.method == .motionInversion ? 0.02 : try json.double("rate")
    let losses = Collected<Float>()
    let motion = try engine.learn(
      try references(name == "several" ? 2 : 1), options,
      job: Job(progress: { if let loss = $0.loss { losses.add(loss) } }))
    return (motion, losses.values)
  }

  @Test(arguments: cases) func learningAndApplyingEqualTorch(name: String) throws {
    let golden = try golden()
    let engine = try MotionTransferEngine(model: Self.model)
    let (motion, losses) = try learn(name, engine)
    let expected = try golden["\(name)/losses"].toArray()
    #expect(losses.count == expected.count)
    for (loss, golden) in zip(losses, expected) { #expect(abs(loss - golden) <= 1e-3 * abs(golden), "\(losses)") }
    var options = try Options.ofGoldenFrames()
    expectFrames(try engine.generate(options, embedding: motion), try golden["\(name)/frames"])
    guard name == "tap-k" else { return }
    options.appearanceHighway = .reference
    options.applyUntil = 0.5
    expectFrames(try engine.generate(options, embedding: motion), try golden["tap-k-highway-pli/frames"])
  }

  @Test(arguments: [HighwayPreset.paper, .reference]) func highwaysEqualTorch(preset: HighwayPreset) throws {
    let engine = try MotionTransferEngine(model: Self.model)
    let embedding = try MotionEmbedding(contentsOf: "\(Self.model)/golden/learned.motion.safetensors")
    var options = try Options.ofGoldenFrames()
    options.appearanceHighway = preset
    let golden = try golden()["highway/\(preset.rawValue)/frames"]
    expectFrames(try engine.generate(options, embedding: embedding), golden)
    options.highwayLevels = "0,7"
    #expect(throws: MotionTransferError.self) { try engine.generate(options, embedding: embedding) }
  }

  @Test func gradientsEqualTorch() throws {
    let golden = try golden()
    let modes = try Golden("tiny-zeroscope/golden/motion_modes.safetensors")
    let pipeline = try TextToVideoPipeline(try ModelDescription(Self.model), Job())
    func gradients(_ loss: Loss, anchor: Int, _ adapters: Adapters, _ leaves: [Tensor]) throws -> [Tensor] {
      let context = pipeline.context(Job(), adapters: adapters)
      let text = pipeline.unet.prepare(try modes["text"].sliced(axis: 0, 1..<2), context)
      let prediction = try pipeline.unet(
        try modes.clips("sample"), timesteps: try modes.integers("timesteps"), text: text, context)
      return try Tensors.gradients(of: loss(prediction, try modes.clips("noise"), anchor: anchor), for: leaves)
    }
    let linears = pipeline.unet.temporalLinears
    let matrices = linears.filter { golden.has("gradients/vmc/\($0.path)") }.map { ($0.path, $0.weight.asParameter()) }
    #expect(matrices.count == 12)
    let found = try gradients(
      .vmcPaper, anchor: 0, Adapters(weights: Dictionary(uniqueKeysWithValues: matrices)), matrices.map(\.1))
    for ((path, _), gradient) in zip(matrices, found) {
      expectClose(gradient, try golden["gradients/vmc/\(path)"], 1e-4, path, floor: 1e-6)
    }
    var generator = TorchGenerator(seed: 17)
    let set = LowRankSet(LowRankTargets.key.select(linears), rank: 4, using: &generator)
    for (_, pair) in set.pairs {
      var generator = TorchGenerator(seed: 18)
      let values = (generator.randn(pair.up.shape) * 0.5).toArray()
      pair.up.updateInPlace { _ = $0.update(from: values) }
    }
    let slopes = try gradients(
      .debiased, anchor: 2, Adapters(lora: set.adapters(dropout: 0.1, seed: 99)), set.parameters)
    for (index, (path, _)) in set.pairs.enumerated() {
      expectClose(slopes[2 * index], try golden["gradients/tap/\(path)/up"], 1e-4, path, floor: 1e-6)
      expectClose(slopes[2 * index + 1], try golden["gradients/tap/\(path)/down"], 1e-4, path, floor: 1e-6)
    }
  }

  /// What MotionDirector, kohya's scripts and diffusers' old attention processors wrote, made by torch from one set of pairs.
  @Test(arguments: ["motion_director.pt", "kohya.safetensors", "processor.safetensors"])
  func filesOfOthersAreApplied(name: String) throws {
    let engine = try MotionTransferEngine(model: Self.model)
    let motion = try MotionEmbedding(contentsOf: "\(Self.model)/golden/\(name)")
    expectFrames(
      try engine.generate(try Options.ofGoldenFrames(), embedding: motion), try golden()["motion-director/frames"])
    let paths = try engine.placed(motion).lora.map(\.path)
    let json = try #require(try Golden.configuration("tiny-zeroscope/golden/motion_lora.json").nested("paths"))
    #expect(paths == (try json.strings("all")))
  }

  @Test func everyFormatComesBackTheSame() throws {
    let engine = try MotionTransferEngine(model: Self.model)
    let motion = try engine.placed(try MotionEmbedding(contentsOf: "\(Self.model)/golden/kohya.safetensors"))
    func products(_ motion: MotionEmbedding) -> [(String, [Float])] {
      motion.lora.map { path, pair in
        (path, (pair.down.permuted([1, 0]).linear(pair.up, nil) * pair.scale).toArray())
      }
    }
    let expected = products(motion)
    try TemporaryFolder.with { folder in
      try motion.write(to: "\(folder)/own.safetensors")
      try motion.write(to: "\(folder)/list.pt")
      for keys in LowRankNaming.allCases { try motion.write(to: "\(folder)/\(keys.rawValue).safetensors", keys: keys) }
      for name in ["own.safetensors", "list.pt"] + LowRankNaming.allCases.map({ "\($0.rawValue).safetensors" }) {
        let copy = products(try engine.placed(try MotionEmbedding(contentsOf: "\(folder)/\(name)")))
        #expect(copy.map(\.0) == expected.map(\.0), "\(name)")
        for (a, b) in zip(copy, expected) {
          #expect(zip(a.1, b.1).allSatisfy { abs($0 - $1) < 1e-6 }, "\(name) \(a.0)")
        }
      }
      let (learned, _) = try learn("vmc-code", engine)
      try learned.write(to: "\(folder)/vmc.safetensors")
      let read = try MotionEmbedding(contentsOf: "\(folder)/vmc.safetensors")
      #expect(read.metadata["method"] == "vmc" && read.differences.map(\.path) == learned.differences.map(\.path))
      #expect(throws: MotionTransferError.self) { try learned.write(to: "\(folder)/vmc.pt") }
      let both = try MotionEmbedding.combined([MotionPart(motion, weight: 0.25), MotionPart(motion, weight: 0.75)])
      for (a, b) in zip(products(both), expected) { #expect(zip(a.1, b.1).allSatisfy { abs($0 - $1) < 1e-5 }) }
    }
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let engine = try MotionTransferEngine(model: Self.model)
    func refusal(_ tensors: [(name: String, tensor: Tensor)]) throws -> String {
      try TemporaryFolder.with { folder in
        try SafeTensorsWriter.write(tensors, to: "\(folder)/strange.safetensors")
        do {
          _ = try engine.placed(try MotionEmbedding(contentsOf: "\(folder)/strange.safetensors"))
          return ""
        } catch let error as MotionTransferError { return error.message }
      }
    }
    let path = "down_blocks.0.temp_attentions.0.transformer_blocks.0.attn1.to_k"
    let pair = [("a.lora_A.weight", Tensor.zeros([2, 8])), ("a.lora_B.weight", Tensor.zeros([8, 2]))]
    #expect(try refusal(pair.map { (name: $0, tensor: $1) }).contains("changes a "))
    #expect(try refusal([("\(path).lora_A.weight", Tensor.zeros([2, 8]))]).contains(path))
    #expect(try refusal([("\(path).lora_B.weight", Tensor.zeros([8, 2]))]).contains(path))
    #expect(
      try refusal([("\(path).lora_A.weight", Tensor.zeros([2, 9])), ("\(path).lora_B.weight", Tensor.zeros([8, 2]))])
        .contains("[8, 9]"))
    #expect(try refusal([("\(path).diff", Tensor.zeros([8, 9]))]).contains("[8, 9]"))
    #expect(try refusal([("0", Tensor.zeros([8, 2])), ("1", Tensor.zeros([2, 8]))]).contains("without names"))
  }

  /// Stable Diffusion's low-rank files often change the text encoder, too: as the sum W + scale · up · down does.
  @Test(arguments: LowRankNaming.allCases.filter { $0 != .animatediff })
  func theTextEncoderIsChangedToo(naming: LowRankNaming) throws {
    let engine = try MotionTransferEngine(model: Self.model)
    let pipeline = try TextToVideoPipeline(try ModelDescription(Self.model), Job())
    let linear = try #require(pipeline.textEncoder.linears.first { $0.path.hasSuffix("layers.0.self_attn.v_proj") })
    let (outputs, inputs) = (linear.weight.shape[0], linear.weight.shape[1])
    var generator = TorchGenerator(seed: 3)
    let pair = LowRank(down: generator.randn([2, inputs]), up: generator.randn([outputs, 2]), scale: 0.5)
    try TemporaryFolder.with { folder in
      let path = "\(folder)/style.safetensors"
      try MotionEmbedding(blocks: [:], lora: [(linear.path, pair)]).write(to: path, keys: naming)
      #expect(
        try SafeTensors(contentsOf: path).names.allSatisfy { $0.contains("text_encoder") || $0.contains("lora_te_") })
      let file = try engine.placed(try MotionEmbedding(contentsOf: path))
      #expect(file.lora.map(\.path) == [linear.path])
      let sum = linear.weight.widened() + pair.down.permuted([1, 0]).linear(pair.up, nil).permuted([1, 0]) * 0.5
      let expected = try pipeline.encode(
        ["a red fox"], pipeline.context(Job(), adapters: Adapters(weights: [linear.path: sum])))
      let found = try pipeline.encode(
        ["a red fox"], pipeline.context(Job(), adapters: Adapters(lora: [linear.path: file.lora.map(\.pair)])))
      expectClose(found, expected, 1e-5)
      let plain = try Options.ofGoldenFrames()
      var options = plain
      options.loraWeights = path
      let both = [
        try engine.generate(options, embedding: nil), try engine.generate(plain, embedding: file),
        try engine.generate(plain, embedding: nil),
      ]
      #expect(both[0].pixels == both[1].pixels && both[0].pixels != both[2].pixels)
    }
  }

  /// What the model recommends for embeddings is not for others: all steps, and the authors' share of inverted noise.
  @Test func othersActAsTheirAuthorsHaveThem() throws {
    let description = try ModelDescription(Self.model)
    func settings(_ method: Method?, _ change: (inout Options) -> Void = { _ in }) throws -> Settings {
      var options = Options()
      change(&options)
      var settings = try Settings(options, description)
      settings.applyRange = 0...0.5
      let pair = LowRank(down: .zeros([1, 8]), up: .zeros([8, 1]), scale: 1)
      settings.adopt(
        MotionEmbedding(blocks: [:], lora: [("a", pair)], metadata: method.map { ["method": $0.rawValue] } ?? [:]),
        options)
      return settings
    }
    for (method, prior) in [(Method.motionDirector, 0.5), (.tap, 0.2), (.vmc, 1), (.synMotion, 0)] {
      let found = try settings(method)
      #expect(found.recommendedNoisePrior == prior && found.applyRange == 0...1)
    }
    #expect(try settings(nil).recommendedNoisePrior == description.recommendations.noisePrior)
    #expect(try settings(.vmc) { $0.applyUntil = 0.25 }.applyRange == 0...0.25)
    var embedding = try Settings(Options(), description)
    embedding.applyRange = 0...0.5
    embedding.adopt(MotionEmbedding(blocks: ["a": TemporalMotion()]), Options())
    #expect(embedding.applyRange == 0...0.5)
  }

  /// AnimateDiff's MotionLoRA names come and go.
  @Test func animateDiffNames() throws {
    let path = "down_blocks.0.motion_modules.1.transformer_blocks.0.attn2.to_out.0"
    let names = LowRankNaming.animatediff.names(path)
    #expect(
      names.down == "down_blocks.0.motion_modules.1.temporal_transformer.transformer_blocks.0.attention_blocks.1"
        + ".processor.to_out_lora.down.weight")
    let key = try #require(LowRankKey(names.down))
    #expect(key.path == path && key.role == .down)
    #expect(LowRankKey(names.up)?.role == .up)
  }

  /// Check values of the papers on ZeroScope's configuration, whose weights need not exist to be counted.
  @Test func parameterCountsOnZeroScope() throws {
    let json = try JSON(
      parsing: Array(#"{"norm_num_groups": 32, "attention_head_dim": 64, "cross_attention_dim": 1024}"#.utf8), file: "c"
    )
    let configuration = try UNetConfiguration(Configuration(json, file: "c"))
    let unet = try UNet3DConditionModel(Weights(ShapesOnly(), name: "shapes").root, configuration)
    func millions(_ linears: [Linear]) -> Int {
      linears.reduce(0) { $0 + 32 * ($1.weight.shape[0] + $1.weight.shape[1]) } / 10_000
    }
    let temporal = unet.temporalLinears
    #expect(millions(LowRankTargets.all.select(temporal)) == 1247)
    #expect(millions(LowRankTargets.appearance(unet.spatialLinears)) == 878)
    #expect(millions(LowRankTargets.keyOutput.select(temporal)) == 332)
    #expect(millions(LowRankTargets.key.select(temporal)) == 166)
    let sites = try MotionSites.select("1280", from: configuration.motionSites(latentHeight: 40, latentWidth: 72))
    let numbers = sites.map { site -> Int in
      let rows = 1 + 2 * site.width * site.height
      return 32 * site.channels * rows
    }
    #expect(numbers.reduce(0, +) == 73_932_800)
  }
}

/// A source whose tensors have shapes and no memory worth mentioning: all are views of one page of zeros that nobody reads.
private final class ShapesOnly: WeightSource {
  private let zeros = Zeros()
  var names: [String] { [] }
  var creates: Bool { true }
  func shape(of name: String) -> [Int]? { nil }
  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    Tensor(mapped: zeros.start, dtype: .float32, shape: layout.laidOutShape(shape), owner: zeros)
  }

  private final class Zeros: @unchecked Sendable {
    let start = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64))
    deinit { start.deallocate() }
  }
}
