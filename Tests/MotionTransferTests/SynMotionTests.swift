import Checkpoints
import Diffusion
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// SynMotion against its formulas in torch; prompts, files, mistakes.
@Suite struct SynMotionTests {
  private static let model = "\(Golden.folder)/tiny-zeroscope"

  private func options() throws -> Options {
    let json = try Golden.configuration("tiny-zeroscope/golden/syn_motion.json")
    var options = try Options(learning: try Golden.configuration("tiny-zeroscope/golden/learning.json"))
    options.ddimInversionSteps = 0
    options.method = .synMotion
    options.motionPhrase = try json.string("motion_phrase")
    options.priorPrompts = try json.string("prior_prompts")
    options.priorShare = try json.double("share")
    options.rank = try json.int("rank")
    options.learningRate = try json.double("rate")
    options.inversionSteps = try json.int("steps")
    return options
  }

  private func reference() throws -> Clip {
    let frames = try Golden("tiny-zeroscope/golden/learning.safetensors")["reference_frames"]
    return Clip(
      frames: frames.shape[0], height: frames.shape[1], width: frames.shape[2],
      pixels: frames.toArray().map { UInt8($0) })
  }

  @Test func learningAndApplyingEqualTorch() throws {
    let golden = try Golden("tiny-zeroscope/golden/syn_motion.safetensors")
    let engine = try MotionTransferEngine(model: Self.model)
    let losses = Collected<Float>()
    let learned = try engine.learn(
      try reference(), try options(), job: Job(progress: { if let loss = $0.loss { losses.add(loss) } }))
    let expected = try golden["losses"].toArray()
    #expect(losses.values.count == expected.count)
    for (loss, golden) in zip(losses.values, expected) {
      #expect(abs(loss - golden) <= 1e-4 * abs(golden), "\(losses.values)")
    }
    let subject = try #require(learned.text.first { $0.name == "subject" })
    expectClose(subject.tensor, try golden["subject"], 1e-3)
    try TemporaryFolder.with { folder in
      let path = "\(folder)/walk.safetensors"
      try learned.write(to: path)
      let read = try MotionEmbedding(contentsOf: path)
      #expect(read.metadata["motion-phrase"] == "walking on")
      #expect(read.text.map(\.name).sorted() == learned.text.map(\.name).sorted())
      let notes = Collected<String>()
      let clip = try engine.generate(
        try Options.ofGoldenFrames(), embedding: read, job: Job(note: { notes.add($0) }))
      expectFrames(clip, try golden["frames"])
      #expect(notes.values.contains { $0.hasSuffix("walking on") })
      // Part of the prompt already: nothing to add.
      var options = try Options.ofGoldenFrames()
      options.prompt += " walking on"
      #expect(try engine.generate(options, embedding: read).pixels == clip.pixels)
      #expect(throws: MotionTransferError.self) { try learned.write(to: "\(folder)/walk.pt") }
      #expect(throws: MotionTransferError.self) { try learned.write(to: "\(folder)/kohya", keys: .kohya) }
      #expect(try MotionEmbedding.combined([MotionPart(read, weight: 0.5)]).text.count == read.text.count)
      #expect(throws: MotionTransferError.self) { try MotionEmbedding.combined([MotionPart(read), MotionPart(read)]) }
    }
  }

  @Test func clipsOfTheModelsOwnEqualTorch() throws {
    let pipeline = try TextToVideoPipeline(try ModelDescription(Self.model), Job())
    let settings = try Settings(try options(), pipeline.description)
    var generator = TorchGenerator(seed: settings.seed)
    _ = try pipeline.encode(try reference(), using: &generator, Job())
    _ = LowRankSet(
      LowRankTargets.queryKeyValue.select(pipeline.unet.temporalLinears), rank: settings.rank, using: &generator)
    _ = generator.drawSeed()
    let phrase = try MotionPhrase(settings.motionPhrase, pipeline.tokenizer, length: 77)
    let priors = try pipeline.priors(phrase, settings, .none, using: &generator, Job())
    #expect(priors.count == 2)
    expectClose(
      priors[0].latents, try Golden("tiny-zeroscope/golden/syn_motion.safetensors").clips("priors/0"), 1e-4)
    #expect(priors[0].roles.filter { $0 == .subject }.count == pipeline.tokenizer.words("a red fox").count)
  }

  @Test func tokensHaveRoles() throws {
    let tokenizer = try CLIPTokenizer(folder: "\(Self.model)/tokenizer")
    let phrase = try MotionPhrase("walking to", tokenizer, length: 77)
    let prompt = "a bear walking to the left"
    let roles = try #require(phrase.roles(prompt))
    #expect(roles.count == tokenizer.encode(prompt).count && roles[0] == .none)
    let words = roles[1...tokenizer.words(prompt).count]
    let motion = phrase.tokens.indices.map { DualEmbedding.Role.motion($0) }
    #expect(words.filter { $0 != .subject } == motion)
    #expect(words.prefix(tokenizer.words("a bear").count).allSatisfy { $0 == .subject })
    #expect(roles.dropFirst(words.count + 1).allSatisfy { $0 == .none })
    #expect(phrase.roles("a bear") == nil && phrase.prompt("a bear") == "a bear walking to")
    #expect(phrase.prompt(prompt) == prompt)
  }

  @Test func mistakesAreNamed() throws {
    let engine = try MotionTransferEngine(model: Self.model)
    let reference = try reference()
    func message(_ change: (inout Options) -> Void) throws -> String {
      var options = try self.options()
      options.inversionSteps = 1
      change(&options)
      return failure { _ = try engine.learn(reference, options) }?.message ?? ""
    }
    #expect(try message { $0.motionPhrase = nil }.hasPrefix("motion-phrase: found \"\""))
    #expect(try message { $0.motionPhrase = "flying" }.contains("\"flying\" is not in the reference-prompt"))
    #expect(try message { $0.priorPrompts = ";" }.hasPrefix("prior-prompts"))
    #expect(try message { $0.priorShare = 2 }.hasPrefix("prior-share"))
    #expect(try message { $0.loss = .hybrid }.hasPrefix("loss"))
    var options = try self.options()
    (options.inversionSteps, options.priorShare) = (1, 0)
    var learned = try engine.learn(reference, options)
    var long = try Options.ofGoldenFrames()
    long.prompt = Array(repeating: "bear", count: 90).joined(separator: " ")
    #expect(failure { _ = try engine.generate(long, embedding: learned) }?.message.hasPrefix("prompt") == true)
    let text = learned.text
    learned.text = text.filter { $0.name != "subject" }
    let missing = failure { _ = try engine.generate(try Options.ofGoldenFrames(), embedding: learned) }
    #expect(missing?.message.contains("subject") == true)
    learned.text = text
    learned.metadata["motion-phrase"] = nil
    #expect(failure { try engine.check(learned, try Options.ofGoldenFrames()) }?.kind == .badData)
  }
}
