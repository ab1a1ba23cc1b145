import Checkpoints
import Diffusion
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// Motion Inversion's options against the formulas in torch: losses, designs, noise starts, strengths, other sizes.
@Suite struct MotionOptionsTests {
  private static let model = "\(Golden.folder)/tiny-zeroscope"

  private func golden() throws -> Golden { try Golden("tiny-zeroscope/golden/motion_options.safetensors") }

  private func learned() throws -> MotionEmbedding {
    try MotionEmbedding(contentsOf: "\(Self.model)/golden/learned.motion.safetensors")
  }

  @Test(arguments: ["6x9x11", "5x8x12", "4x3x20"]) func noiseStartsEqualTorch(size: String) throws {
    let golden = try golden()
    let (z, n) = (try golden.clips("starts/\(size)/inverted"), try golden.clips("starts/\(size)/fresh"))
    for method in NoiseInitialization.allCases where method != .random {
      let start = method(inverted: z, fresh: n, prior: 0.3)
      expectClose(start, try golden.clips("starts/\(size)/\(method.rawValue)"), 1e-5, method.rawValue)
    }
    #expect(NoiseInitialization.random(inverted: z, fresh: n, prior: 0.3).toArray() == n.toArray())
  }

  @Test(arguments: [Loss.debiased, .vmcPaper, .vmcCode]) func lossesAndGradientsEqualTorch(loss: Loss) throws {
    let golden = try golden()
    let modes = try Golden("tiny-zeroscope/golden/motion_modes.safetensors")
    let pipeline = try TextToVideoPipeline(try ModelDescription(Self.model), Job())
    let prefix = "losses/\(loss.rawValue)/gradient/"
    let keys = golden.source.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    #expect(keys.count == 6)
    var leaves = try modes.source.names.filter { $0.hasPrefix("embedding/") }
      .map { (name: String($0.dropFirst(10)), tensor: try modes[$0]) }
    var embedding = try TemporaryFolder.with { folder in
      try SafeTensorsWriter.write(leaves, to: "\(folder)/e.safetensors")
      return try MotionEmbedding(contentsOf: "\(folder)/e.safetensors")
    }
    embedding.blocks = embedding.blocks.mapValues {
      TemporalMotion(
        queryKey: $0.queryKey?.asParameter(), value1: $0.value1?.asParameter(), value2: $0.value2?.asParameter())
    }
    let context = pipeline.context(Job(), adapters: embedding.adapters(.none))
    let text = pipeline.unet.prepare(try modes["text"].sliced(axis: 0, 1..<2), context)
    let prediction = try pipeline.unet(
      try modes.clips("sample"), timesteps: try modes.integers("timesteps"), text: text, context)
    let value = loss(prediction, try modes.clips("noise"), anchor: 3)
    expectClose(value.detached(), try golden["losses/\(loss.rawValue)/loss"], 1e-5, "loss")
    let found = try gradients(of: value, for: embedding.parameters)
    // Parameters and file names are both in the order of paths: m_QK, then the two m_V.
    leaves = zip(embedding.tensors, found).map { ($0.name, $1.permuted([1, 0, 2])) }
    for (name, gradient) in leaves where keys.contains(name) {
      expectClose(gradient, try golden[prefix + name], 1e-4, name, floor: 1e-6)
    }
  }

  @Test(arguments: ["debiased", "vmc-paper", "vmc-code", "cubic", "1d-1d", "2d-1d", "2d-2d"])
  func learningEqualsTorch(name: String) throws {
    let golden = try golden()
    let frames = try Golden("tiny-zeroscope/golden/learning.safetensors")["reference_frames"]
    let engine = try MotionTransferEngine(model: Self.model)
    var options = try Options(learning: try Golden.configuration("tiny-zeroscope/golden/learning.json"))
    options.learningRate = 0.02
    options.ddimInversionSteps = 0
    options.loss = Loss(rawValue: name)
    options.timestepSampling = TimestepSampling(rawValue: name)
    options.embeddingDesign = EmbeddingDesign(rawValue: name)
    let losses = Collected<Float>()
    let learned = try engine.learn(
      Clip(
        frames: frames.shape[0], height: frames.shape[1], width: frames.shape[2],
        pixels: frames.toArray().map { UInt8($0) }),
      options, job: Job(progress: { if let loss = $0.loss { losses.add(loss) } }))
    let expected = try golden["learning/\(name)/losses"].toArray()
    #expect(losses.values.count == expected.count)
    for (loss, golden) in zip(losses.values, expected) { #expect(abs(loss - golden) <= 1e-3 * abs(golden)) }
    guard golden.has("learning/\(name)/frames") else { return }
    expectFrames(
      try engine.generate(try Options.ofGoldenFrames(), embedding: learned), try golden["learning/\(name)/frames"])
  }

  @Test(
    arguments: [
      "frequency", "blended-frequency", "fft", "zeroed", "mean-subtracted", "scales", "range", "resampled",
      "resampled-blend",
    ])
  func framesEqualTorch(name: String) throws {
    var options = try Options.ofGoldenFrames()
    options.noiseInitialization = NoiseInitialization(rawValue: name) ?? .random
    options.noisePrior = 0.5
    options.firstFrame = FirstFrame(rawValue: name)
    var embedding = try learned()
    switch name {
    case "scales": (options.queryKeyScale, options.valueScale) = (0.5, 1.5)
    case "range": (options.applyFrom, options.applyUntil) = (0.25, 0.75)
    case "resampled", "resampled-blend":
      (options.numFrames, options.width, options.height, options.resample) = (5, 16, 24, true)
      if name == "resampled-blend" { options.noiseInitialization = .blend }
      for path in embedding.blocks.keys {
        let isCoarse = path.hasPrefix("down_blocks.1") || path.hasPrefix("up_blocks.0")
        embedding.metadata["grid.\(path)"] = isCoarse ? "3x2" : "6x4"
      }
    default: break
    }
    let engine = try MotionTransferEngine(model: Self.model)
    expectFrames(try engine.generate(options, embedding: embedding), try golden()["frames/\(name)"])
  }

  @Test func anUnknownGridIsNotResampled() throws {
    var options = try Options.ofGoldenFrames()
    (options.width, options.height, options.resample) = (32, 24, true)
    let embedding = try learned()
    let engine = try MotionTransferEngine(model: Self.model)
    #expect(throws: MotionTransferError.self) { try engine.check(embedding, options) }
    options.resample = false
    #expect(throws: MotionTransferError.self) { try engine.check(embedding, options) }
  }

  @Test func anotherGridOfAsManyPixelsIsRefused() throws {
    var options = try Options.ofGoldenFrames()
    (options.width, options.height) = (16, 24)
    var embedding = try learned()
    for path in embedding.blocks.keys {
      let isCoarse = path.hasPrefix("down_blocks.1") || path.hasPrefix("up_blocks.0")
      embedding.metadata["grid.\(path)"] = isCoarse ? "3x2" : "6x4"
    }
    let engine = try MotionTransferEngine(model: Self.model)
    #expect(throws: MotionTransferError.self) { try engine.check(embedding, options) }
    options.resample = true
    try engine.check(embedding, options)
  }

  @Test func otherNumbersOfFramesKeepTheEnds() {
    func frames(_ from: Int, _ to: Int, mixing: Bool) -> [Float] {
      let ramp = Tensor((0..<from).map(Float.init), shape: [from])
      return Interpolation.moments(from, to, mixing: mixing)(ramp, axis: 0).toArray()
    }
    #expect(frames(8, 4, mixing: false) == [0, 2, 5, 7])
    #expect(frames(8, 5, mixing: false) == [0, 2, 4, 5, 7])
    #expect(frames(4, 8, mixing: false) == [0, 0, 1, 1, 2, 2, 3, 3])
    #expect(frames(8, 1, mixing: false) == [0])
    #expect(frames(3, 5, mixing: true) == [0, 0.5, 1, 1.5, 2])
    #expect(frames(1, 3, mixing: true) == [0, 0, 0])
    for (from, to) in [(8, 16), (8, 20)] {
      let moved = frames(from, to, mixing: true)
      for (index, place) in moved.enumerated() {
        #expect(abs(place - Float(index * (from - 1)) / Float(to - 1)) < 1e-5)
      }
    }
  }

  /// `published.pt` was written by torch: a dictionary of parameters of 32 rows.
  @Test func thePublishedFormatComesAndGoes() throws {
    let expected = try learned()
    let published = "\(Self.model)/golden/motion_embed.pt"
    let read = try MotionEmbedding(contentsOf: published)
    func same(_ embedding: MotionEmbedding) -> Bool {
      let tensors = expected.tensors.filter { $0.name != "inversion_noise" }
      return zip(embedding.tensors, tensors).allSatisfy {
        $0.name == $1.name && $0.tensor.shape == $1.tensor.shape && $0.tensor.toArray() == $1.tensor.toArray()
      } && embedding.tensors.count == tensors.count
    }
    #expect(same(read))
    try TemporaryFolder.with { folder in
      try expected.write(to: "\(folder)/copy.pt")
      #expect(same(try MotionEmbedding(contentsOf: "\(folder)/copy.pt")))
      let rows = try #require(try openCheckpoint("\(folder)/copy.pt").shape(of: expected.tensors[0].name))
      #expect(rows[1] == 32)
    }
    var options = Options()
    (options.width, options.height, options.numFrames) = (24, 16, 8)
    let located = try read.located(model: Self.model, options)
    #expect(located.metadata["grid.down_blocks.0.temp_attentions.0.transformer_blocks.0"] == "6x4")
    (options.width, options.height, options.numFrames) = (32, 24, 12)
    let larger = try located.resampled(model: Self.model, options)
    try MotionTransferEngine(model: Self.model).check(larger, options)
    #expect(larger.metadata["width"] == "32" && larger.metadata["frames"] == "12")
    options.width = 40
    #expect(throws: MotionTransferError.self) { try read.located(model: Self.model, options) }
  }

  @Test func embeddingsCombineReverseAndShift() throws {
    var embedding = try learned()
    for path in embedding.blocks.keys {
      let isCoarse = path.hasPrefix("down_blocks.1") || path.hasPrefix("up_blocks.0")
      embedding.metadata["grid.\(path)"] = isCoarse ? "3x2" : "6x4"
    }
    func values(_ embedding: MotionEmbedding) -> [Float] {
      embedding.tensors.filter { $0.name != "inversion_noise" }.flatMap { $0.tensor.toArray() }
    }
    let original = values(embedding)
    #expect(values(embedding.reversed()) != original)
    #expect(values(embedding.reversed().reversed()) == original)
    #expect(values(embedding.delayed(by: 0)) == original)
    let path = try #require(embedding.blocks.keys.sorted().first)
    let row = try #require(embedding.blocks[path]?.value1?.sliced(axis: 0, 2..<3).toArray())
    #expect(embedding.delayed(by: 3).blocks[path]?.value1?.sliced(axis: 0, 5..<6).toArray() == row)

    // Two halves of the picture make the whole; weights add up.
    let left = MotionRegion(x: 0, y: 0, width: 0.3, height: 1)
    let right = MotionRegion(x: 0.3, y: 0, width: 0.7, height: 1)
    var silent = embedding
    silent.blocks = embedding.blocks.mapValues { TemporalMotion(value1: $0.value1, value2: $0.value2) }
    let halves = try MotionEmbedding.combined([
      MotionPart(embedding, region: left), MotionPart(silent, region: right),
    ])
    for (sum, value) in zip(values(halves), original) { #expect(abs(sum - value) <= 1e-6) }
    let thirds = try MotionEmbedding.combined([
      MotionPart(embedding, weight: 1.5), MotionPart(embedding, weight: -0.5),
    ])
    for (sum, value) in zip(values(thirds), original) { #expect(abs(sum - value) <= 1e-6) }
    #expect(left.coverage(width: 4, height: 1).toArray().map { ($0 * 100).rounded() } == [100, 20, 0, 0])
    var longer = embedding
    longer.blocks[path]?.value1 = Tensor.zeros([3, 1, 8])
    #expect(throws: MotionTransferError.self) {
      try MotionEmbedding.combined([MotionPart(embedding), MotionPart(longer)])
    }
  }

  @Test func sitesAreChosenByGrid() throws {
    let all = try ModelDescription(Self.model).unet.motionSites(latentHeight: 4, latentWidth: 6)
    let coarse = all.filter { $0.width == 3 }
    #expect(try MotionSites.select("grid:3x2", from: all) == coarse)
    #expect(try MotionSites.select("coarsest:2x2", from: all) == coarse)
    #expect(try MotionSites.select("coarsest:4x4", from: all) == all.filter { $0.width == 6 })
    for wrong in ["grid:8x8", "coarsest:64x64", "grid:3", "grid:axb"] {
      #expect(throws: MotionTransferError.self) { try MotionSites.select(wrong, from: all) }
    }
  }
}

extension Options {
  /// The settings of the learning golden, for sampling from pure noise.
  static func ofGoldenFrames() throws -> Options {
    let json = try Golden.configuration("tiny-zeroscope/golden/learning.json")
    var options = try Options(learning: json)
    options.seed = UInt64(try json.int("sampling_seed"))
    options.debiasMode = .difference
    options.noiseInitialization = .random
    return options
  }
}
