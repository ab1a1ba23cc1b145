import Foundation
import Tensors
import Testing

@testable import Checkpoints
@testable import Training

@Suite struct TrainingRunTests {
  /// Small enough for a second a run.
  static var recipe: Recipe {
    var recipe = Recipe()
    recipe.unetChannels = [16, 16]
    recipe.autoencoderChannels = [16, 32, 48, 64]
    recipe.headWidth = 8
    recipe.unetGroups = 4
    recipe.textWidth = 16
    recipe.textLayers = 1
    recipe.size = 32
    recipe.frames = 3
    return recipe
  }

  static func run(
    _ folder: URL, steps: Int, seed: UInt64 = 1, stop: Int? = nil, resumes: Bool = false
  ) throws -> [Float] {
    var settings = TrainingRun.Settings()
    settings.steps = steps
    settings.seed = seed
    settings.logInterval = 1
    settings.learningRate = 4e-3
    settings.resumes = resumes
    let run = TrainingRun(
      recipe: recipe, corpus: try CorpusTests.corpus(size: recipe.size), folder: folder.path, settings: settings)
    var losses: [Float] = []
    _ = try run.trainVideo(isCancelled: { losses.count + 1 == stop }) {
      losses.append(try #require($0.pictureLoss ?? $0.clipLoss))
    }
    return losses
  }

  static func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test func lossFallsAndResumeIsExact() throws {
    let whole = try Self.folder()
    let parts = try Self.folder()
    defer { for folder in [whole, parts] { try? FileManager.default.removeItem(at: folder) } }
    let losses = try Self.run(whole, steps: 24)
    #expect(losses.count == 24)
    let early = losses.prefix(6).reduce(0, +)
    let late = losses.suffix(6).reduce(0, +)
    #expect(late < 0.95 * early)
    let first = try Self.run(parts, steps: 24, stop: 11)
    let second = try Self.run(parts, steps: 24, resumes: true)
    #expect(first + second == losses)
    let files = try [whole, parts].map {
      try Data(contentsOf: $0.appendingPathComponent("video.safetensors"))
    }
    #expect(files[0] == files[1])
  }

  @Test func anotherRunsCheckpointIsRefused() throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try Self.run(folder, steps: 2)
    #expect(throws: TrainingError.self) { try Self.run(folder, steps: 3, seed: 2, resumes: true) }
  }

  @Test func encoderStartsAsThePatchCode() throws {
    let corpus = try CorpusTests.corpus(size: 64)
    let code = PatchCode(PatchStatistics(corpus, edge: 8, seed: 1, pictures: 60))
    let trainer = try AutoencoderTrainer(
      recipe: Recipe(), corpus: corpus, code: code, seed: 1,
      schedule: .init(rate: LearningRate(peak: 1e-3, warmUp: 1, steps: 1)))
    #expect(try trainer.encoderError() < 0.02)
  }

  @Test func exportIsAModelFolder() throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let corpus = try CorpusTests.corpus(size: 32)
    let model = folder.appendingPathComponent("model").path
    try TrainingRun(recipe: Self.recipe, corpus: corpus, folder: folder.path).export(to: model)
    let vae = try SafeTensors(
      contentsOf: folder.appendingPathComponent("model/vae/diffusion_pytorch_model.safetensors").path)
    #expect(vae.names.contains("encoder.conv_in.weight"))
    let index = try Data(contentsOf: folder.appendingPathComponent("model/model_index.json"))
    #expect(try JSONSerialization.jsonObject(with: index) is [String: Any])

    // A warm start from it has its weights: an export of it is the same folder, but for another seed's moments.
    var settings = TrainingRun.Settings()
    settings.seed = 2
    settings.warmStart = model
    let again = folder.appendingPathComponent("again").path
    try TrainingRun(recipe: Self.recipe, corpus: corpus, folder: folder.path, settings: settings).export(to: again)
    for file in ["unet/diffusion_pytorch_model", "text_encoder/model", "vae/diffusion_pytorch_model"] {
      let files = try [model, again].map { try Data(contentsOf: URL(fileURLWithPath: "\($0)/\(file).safetensors")) }
      #expect(files[0] == files[1])
    }
  }

  @Test func corpusFileHoldsWhatTheTrainerSees() throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let corpus = try CorpusTests.corpus(size: 32)
    try TrainingRun(recipe: Self.recipe, corpus: corpus, folder: folder.path).writeCorpus(clips: 5, examples: 1)
    let file = try SafeTensors(contentsOf: folder.appendingPathComponent("corpus.safetensors").path)
    #expect(file.shape(of: "poses") == [5, 3, 4])
    #expect(file.shape(of: "latents.0") == [48, 1, 4, 4, 16])
    let rendered = try file.tensor("rendered").toArray()
    let scene = corpus.draw(seed: 1, index: 0, frames: 3, captionDropout: 0.1).scene
    #expect(Array(rendered.prefix(3 * 32 * 32 * 3)) == corpus.render(scene))
  }
}
