import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

@testable import MotionTransfer

/// The embedding file, and what does not belong in one.
@Suite struct EmbeddingFileTests {
  private let model = "\(Golden.folder)/tiny-zeroscope"
  private let learned = "\(Golden.folder)/tiny-zeroscope/golden/learned.motion.safetensors"

  @Test func aFileWithoutMetadataComesBackTheSame() throws {
    try TemporaryFolder.with { folder in
      var embedding = try MotionEmbedding(contentsOf: learned)
      embedding.metadata = ["reference-prompt": "\"quoted\" and ünïcode"]
      try embedding.write(to: "\(folder)/copy.safetensors")
      let copy = try MotionEmbedding(contentsOf: "\(folder)/copy.safetensors")
      #expect(copy.metadata == embedding.metadata)
      #expect(copy.tensors.map(\.name) == embedding.tensors.map(\.name))
      for (a, b) in zip(copy.tensors, embedding.tensors) {
        #expect(a.tensor.shape == b.tensor.shape && a.tensor.toArray() == b.tensor.toArray())
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["copy.safetensors"])
    }
  }

  @Test func strangeFilesAreRefused() throws {
    try TemporaryFolder.with { folder in
      let path = "\(folder)/strange.safetensors"
      try SafeTensorsWriter.write([("conv_in.weight", Tensor.zeros([1, 2, 3]))], to: path)
      #expect(failure { _ = try MotionEmbedding(contentsOf: path) }?.kind == .badData)
      try SafeTensorsWriter.write([("a.pos_embed", Tensor.zeros([2, 3]))], to: path)
      #expect(failure { _ = try MotionEmbedding(contentsOf: path) }?.message.contains("F, C)") == true)
      try SafeTensorsWriter.write([("a.pos_embed", Tensor.filled([1, 2, 3], .nan))], to: path)
      #expect(failure { _ = try MotionEmbedding(contentsOf: path) }?.message.contains("finite") == true)
      try SafeTensorsWriter.write([], to: path)
      #expect(failure { _ = try MotionEmbedding(contentsOf: path) }?.kind == .badData)
      try Data(contentsOf: URL(filePath: learned)).prefix(300).write(to: URL(filePath: path))
      #expect(failure { _ = try MotionEmbedding(contentsOf: path) }?.kind == .badData)
      #expect(failure { _ = try MotionEmbedding(contentsOf: "\(folder)/none") }?.kind == .notFound)
    }
  }

  @Test func anEmbeddingOfAnotherSizeOrModelIsRefused() throws {
    let embedding = try MotionEmbedding(contentsOf: learned)
    let engine = try MotionTransferEngine(model: model)
    var options = Options()
    options.prompt = "a cat"
    options.numFrames = 8
    options.width = 24
    options.height = 16
    try engine.check(embedding, options)
    options.width = 32
    #expect(failure { try engine.check(embedding, options) }?.kind == .mismatch)
    options.width = 24
    options.numFrames = 4
    #expect(failure { try engine.check(embedding, options) }?.kind == .mismatch)
    let other = try MotionTransferEngine(model: "\(Golden.folder)/tiny-vpred")
    options.numFrames = 8
    #expect(failure { try other.check(embedding, options) }?.kind == .mismatch)
  }

  @Test func anotherIdentityWithFittingShapesWarns() throws {
    var embedding = try MotionEmbedding(contentsOf: learned)
    embedding.metadata["model-identity"] = String(repeating: "0", count: 64)
    let warnings = Collected<String>()
    var options = Options()
    options.numFrames = 8
    options.width = 24
    options.height = 16
    try MotionTransferEngine(model: model).check(embedding, options, job: Job(warning: { warnings.add($0) }))
    #expect(warnings.values.count == 1)
  }
}
