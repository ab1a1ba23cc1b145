import Checkpoints
import Diffusion
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// Learning and applying motion embeddings against the method's formulas in torch.
@Suite struct MotionInversionTests {
  private static let folders = ["tiny-zeroscope", "tiny-vpred"]

  private func pipeline(_ folder: String) throws -> TextToVideoPipeline {
    try TextToVideoPipeline(try ModelDescription("\(Golden.folder)/\(folder)"), Job())
  }

  /// The embedding stored in a golden under `embedding/`.
  private func embedding(_ golden: Golden) throws -> MotionEmbedding {
    let prefix = "embedding/"
    let tensors = try golden.source.names.filter { $0.hasPrefix(prefix) }
      .map { (name: String($0.dropFirst(prefix.count)), tensor: try golden[$0]) }
    return try TemporaryFolder.with { folder in
      try SafeTensorsWriter.write(tensors, to: "\(folder)/e.safetensors")
      return try MotionEmbedding(contentsOf: "\(folder)/e.safetensors")
    }
  }

  @Test(arguments: folders) func everyModeEqualsTheFormulas(folder: String) throws {
    let golden = try Golden("\(folder)/golden/motion_modes.safetensors")
    let pipeline = try pipeline(folder)
    let embedding = try embedding(golden)
    let sample = try golden.clips("sample")
    let timesteps = try golden.integers("timesteps")
    let modes: [(String, DebiasMode?, Float)] = [
      ("without", nil, 1), ("difference", .difference, 1), ("normalize", .normalize, 1), ("none", DebiasMode.none, 1),
      ("camera", .camera, 1), ("difference_scale_0.5", .difference, 0.5),
    ]
    for (name, mode, scale) in modes {
      let adapters = mode.map { embedding.adapters($0, scale: scale) } ?? .none
      let context = pipeline.context(Job(), adapters: adapters)
      let text = pipeline.unet.prepare(try golden["text"], context)
      let output = try pipeline.unet(
        Tensor.concatenated([sample, sample], axis: 0), timesteps: timesteps, text: text, context)
      expectClose(output, try golden.clips("output/\(name)"), 1e-4, name)
    }
  }

  @Test(arguments: folders) func gradientsEqualTorch(folder: String) throws {
    let golden = try Golden("\(folder)/golden/motion_modes.safetensors")
    let pipeline = try pipeline(folder)
    var embedding = try embedding(golden)
    embedding.blocks = embedding.blocks.mapValues {
      TemporalMotion(
        queryKey: $0.queryKey?.asParameter(), value1: $0.value1?.asParameter(), value2: $0.value2?.asParameter())
    }
    for recomputes in [false, true] {
      let context = Context(
        adapters: embedding.adapters(.none), recomputesActivations: recomputes)
      let text = pipeline.unet.prepare(try golden["text"].sliced(axis: 0, 1..<2), context)
      let loss = try pipeline.unet(
        try golden.clips("sample"), timesteps: try golden.integers("timesteps"), text: text, context
      ).meanSquaredError(try golden.clips("noise"))
      expectClose(loss.detached(), try golden["loss"], 1e-5, "loss")
      var found = embedding
      let gradients = try gradients(of: loss, for: embedding.parameters)
      for (path, parts) in zip(embedding.blocks.keys.sorted(), gradients.chunks(of: 3)) {
        found.blocks[path] = TemporalMotion(queryKey: parts[0], value1: parts[1], value2: parts[2])
      }
      for (name, gradient) in found.tensors {
        expectClose(gradient, try golden["gradient/\(name)"], 1e-4, name, floor: 1e-6)
      }
    }
  }

  @Test(arguments: [("tiny-zeroscope", 0.02), ("tiny-zeroscope", 0.05), ("tiny-vpred", 0.02)])
  func learningAndApplyingEqualTorch(folder: String, rate: Double) throws {
    let golden = try Golden("\(folder)/golden/learning.safetensors")
    let json = try Golden.configuration("\(folder)/golden/learning.json")
    let engine = try MotionTransferEngine(model: "\(Golden.folder)/\(folder)")
    var options = try Options(learning: json)
    options.learningRate = rate
    let losses = Collected<Float>()
    let reference = Clip(
      frames: options.numFrames ?? 0, height: options.height ?? 0, width: options.width ?? 0,
      pixels: try golden["reference_frames"].toArray().map { UInt8($0) })
    let learned = try engine.learn(
      reference, options, job: Job(progress: { if let loss = $0.loss { losses.add(loss) } }))

    let expected = try golden["\(rate)/losses"].toArray()
    #expect(losses.values.count == expected.count)
    for (loss, golden) in zip(losses.values, expected) { #expect(abs(loss - golden) <= 1e-3 * golden) }
    expectClose(try #require(learned.inversionNoise), try golden["inversion_noise"], 1e-3, "inverted noise")

    options.seed = UInt64(try json.int("sampling_seed"))
    for mode in DebiasMode.allCases where mode != .auto {
      options.debiasMode = mode
      options.noisePrior = 0
      expectFrames(
        try engine.generate(options, embedding: learned), try golden["\(rate)/frames/\(mode.rawValue)"])
    }
    options.debiasMode = .difference
    options.noisePrior = try json.double("noise_prior")
    expectFrames(
      try engine.generate(options, embedding: learned), try golden["\(rate)/frames/difference_noise_prior"])
  }

  @Test func latentsOfAReferenceEqualTorch() throws {
    let golden = try Golden("tiny-zeroscope/golden/learning.safetensors")
    let frames = try golden["reference_frames"]
    let clip = Clip(
      frames: frames.shape[0], height: frames.shape[1], width: frames.shape[2],
      pixels: frames.toArray().map { UInt8($0) })
    var generator = TorchGenerator(seed: 5)
    let latents = try pipeline("tiny-zeroscope").encode(clip, using: &generator, Job())
    expectClose(latents, try golden.clips("latents"), 1e-5, "latents")
  }
}

extension Options {
  /// The settings of a golden learning run, in diffusers' names.
  init(learning json: Configuration) throws {
    self.init()
    prompt = try json.string("prompt")
    negativePrompt = try json.string("negative_prompt")
    referencePrompt = try json.string("reference_prompt")
    sites = "all"
    numFrames = try json.int("frames")
    width = try json.int("width")
    height = try json.int("height")
    seed = UInt64(try json.int("seed"))
    inversionSteps = try json.int("inversion_steps")
    ddimInversionSteps = try json.int("ddim_inversion_steps")
    numInferenceSteps = try json.int("num_inference_steps")
    guidanceScale = try json.double("guidance_scale")
  }
}

extension Array {
  fileprivate func chunks(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
