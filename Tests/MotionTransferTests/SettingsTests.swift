import Checkpoints
import Diffusion
import Foundation
import Synchronization
import Testing

@testable import MotionTransfer

/// Options, recommendations, sites, model folders and cancellation.
@Suite struct SettingsTests {
  private let model = "\(Golden.folder)/tiny-zeroscope"

  @Test func badOptionsSayFoundAndExpected() throws {
    let cases: [(String, (inout Options) -> Void)] = [
      ("width", { $0.width = 25 }), ("height", { $0.height = 0 }), ("num-frames", { $0.numFrames = 0 }),
      ("num-inference-steps", { $0.numInferenceSteps = 0 }), ("guidance-scale", { $0.guidanceScale = -2 }),
      ("noise-prior", { $0.noisePrior = 1.5 }), ("learning-rate", { $0.learningRate = 0 }),
      ("motion-scale", { $0.motionScale = .infinity }), ("inversion-steps", { $0.inversionSteps = 0 }),
      ("guidance-rescale", { $0.guidanceRescale = .nan }), ("v1-group-norm", { $0.v1GroupNorm = true }),
      ("adapter-weights", { ($0.loraWeights, $0.adapterWeights) = ("a,b", "1") }),
      ("adapter-weights", { ($0.loraWeights, $0.adapterWeights) = ("a", "x") }),
      ("highway-level", { ($0.appearanceHighway, $0.highwayLevels) = (.paper, "0,x") }),
      ("prompt", { $0.prompt = String(repeating: "a", count: 20_000) }),
    ]
    for (name, change) in cases {
      var options = Options()
      change(&options)
      let error = try #require(failure { _ = try MotionTransferEngine.geometry(model: model, options) }, "\(name)")
      #expect(error.kind == .settings && error.message.hasPrefix(name) && error.message.contains("expected"))
    }
  }

  @Test func optionsAreSetByTheirNames() throws {
    var options = Options()
    for (name, value) in [
      ("prompt", "a fox"), ("method", "tap"), ("lora-rank", "8"), ("lora-targets", "k+out"), ("lora-dropout", "0.5"),
      ("lora-scale", "-2"), ("appearance-highway", "paper"), ("highway-scale", "1.5"), ("highway-level", "0, 1"),
      ("context-length", "16"), ("context-overlap", "4"), ("resample", "true"), ("loss", "hybrid"),
      ("lora-weights", "a.ckpt,b.ckpt"), ("adapter-weights", "1,0.5"), ("v1-group-norm", "true"), ("seed", "7"),
      ("motion-phrase", "walking"), ("prior-prompts", "a cat"), ("prior-share", "0.5"),
    ] {
      try options.set(name, value)
    }
    #expect(options.prompt == "a fox" && options.method == .tap && options.rank == 8)
    #expect(options.lowRankTargets == .keyOutput && options.dropout == 0.5 && options.loraScale == -2)
    #expect(options.appearanceHighway == .paper && options.highwayScale == 1.5 && options.highwayLevels == "0, 1")
    #expect(options.contextLength == 16 && options.contextOverlap == 4 && options.resample && options.loss == .hybrid)
    #expect(options.loraWeights == "a.ckpt,b.ckpt" && options.adapterWeights == "1,0.5" && options.v1GroupNorm)
    #expect(options.seed == 7 && options.priorShare == 0.5)
    #expect(options.motionPhrase == "walking" && options.priorPrompts == "a cat")
    for (name, value, expected) in [
      ("colour", "red", "no option"), ("method", "lora", "motion-inversion, motion-director, tap, vmc, syn-motion"),
      ("resample", "yes", "true or false"), ("lora-rank", "many", "a number"),
    ] {
      #expect(failure { try options.set(name, value) }?.message.contains(expected) == true, "\(name)")
    }
  }

  @Test func moreThanTheMachineHoldsIsRefused() throws {
    var options = Options()
    (options.numFrames, options.width, options.height) = (256, 8192, 8192)
    let error = try #require(failure { _ = try MotionTransferEngine.geometry(model: model, options) })
    #expect(error.kind == .noSpace && error.message.contains("take at least"))
  }

  @Test func generatingNeedsAPromptAndNoiseForItsPrior() throws {
    let engine = try MotionTransferEngine(model: model)
    var options = Options()
    options.numFrames = 2
    options.width = 16
    options.height = 16
    #expect(failure { _ = try engine.generate(options, embedding: nil) }?.message.hasPrefix("prompt") == true)
    options.prompt = "a cat"
    options.noisePrior = 0.5
    #expect(failure { _ = try engine.generate(options, embedding: nil) }?.message.hasPrefix("noise-prior") == true)
  }

  @Test func sitesAreChosenByWidthAndByPath() throws {
    let all = try ModelDescription(model).unet.motionSites(latentHeight: 4, latentWidth: 6)
    #expect(try MotionSites.select("all", from: all) == all)
    #expect(try MotionSites.select("16", from: all).allSatisfy { $0.channels == 16 })
    #expect(try MotionSites.select("up_blocks.1, 16", from: all).contains { $0.path.hasPrefix("up_blocks.1.") })
    for wrong in ["1280", "up_blocks.7", "", "up"] {
      let error = try #require(failure { _ = try MotionSites.select(wrong, from: all) })
      #expect(error.kind == .settings && error.message.contains(all[0].path), "\(wrong)")
    }
  }

  @Test func zeroScopesDefaultSitesAreTheAuthors() throws {
    let json = try Configuration(contentsOf: "\(model)/unet/config.json")
    var unet = try UNetConfiguration(json)
    unet.blockOutChannels = [320, 640, 1280, 1280]
    unet.downAttention = [true, true, true, false]
    unet.upAttention = [false, true, true, true]
    unet.layersPerBlock = 2
    unet.headWidths = [64, 64, 64, 64]
    let sites = try MotionSites.select(
      Recommendations().sites, from: unet.motionSites(latentHeight: 40, latentWidth: 72))
    #expect(
      sites.map(\.path)
        == [
          "down_blocks.2.temp_attentions.0", "down_blocks.2.temp_attentions.1", "up_blocks.1.temp_attentions.0",
          "up_blocks.1.temp_attentions.1", "up_blocks.1.temp_attentions.2",
        ].map { $0 + ".transformer_blocks.0" })
    #expect(sites.allSatisfy { $0.height == 10 && $0.width == 18 })
    // methods' check value: 32 frames, one m_QK and two m_V per site
    let parameters = sites.reduce(0) { $0 + 32 * $1.channels * (1 + 2 * $1.height * $1.width) }
    #expect(parameters == 73_932_800)
  }

  @Test func recommendationsComeFromTheFolder() throws {
    try TemporaryFolder.with { folder in
      let path = "\(folder)/motion_transfer.json"
      try Data(#"{"sites": "all", "guidance-scale": 5, "words": ["a", "Fox"]}"#.utf8).write(to: URL(filePath: path))
      let recommended = try Recommendations(try Configuration(contentsOf: path))
      #expect(recommended.sites == "all" && recommended.guidanceScale == 5 && recommended.inversionSteps == 250)
      #expect(recommended.unknownWords(in: "A fox, a dragon!") == ["dragon"])
    }
  }

  @Test func missingAndForeignFoldersAreExplained() throws {
    #expect(failure { _ = try MotionTransferEngine(model: "/nonexistent/model") }?.kind == .notFound)
    #expect(failure { _ = try MotionTransferEngine(model: "\(Golden.folder)/ops") }?.kind == .notFound)
  }

  @Test func cancellationEndsAJobSoon() throws {
    let engine = try MotionTransferEngine(model: model)
    var options = Options()
    options.prompt = "a cat"
    options.numFrames = 8
    options.width = 32
    options.height = 32
    options.numInferenceSteps = 500
    let calls = Atomic<Int>(0)
    let start = ContinuousClock.now
    let error = failure {
      _ = try engine.generate(
        options, embedding: nil, job: Job(isCancelled: { calls.wrappingAdd(1, ordering: .relaxed).newValue > 40 }))
    }
    #expect(error?.kind == .cancelled)
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
