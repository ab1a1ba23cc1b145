import Checkpoints
import Layers
import Tensors
import Testing

@testable import Diffusion

/// The text encoder against transformers.
@Suite struct CLIPTextModelTests {
  private func tokens(_ golden: Golden) throws -> [[Int]] {
    let ids = try golden["ids"]
    let all = ids.toArray().map { Int($0) }
    return (0..<ids.shape[0]).map { Array(all[$0 * ids.shape[1]..<($0 + 1) * ids.shape[1]]) }
  }

  @Test(arguments: ["clip-gelu", "clip-quick-gelu"])
  func outputsAndGradients(folder: String) throws {
    let golden = try Golden("\(folder)/golden.safetensors")
    let trainable = TrainableGolden(try Golden("\(folder)/model.safetensors").source)
    let configuration = try CLIPTextConfiguration(try Golden.configuration("\(folder)/config.json"))
    let model = try CLIPTextModel(trainable.weights.root, configuration)
    try trainable.weights.finish()
    let rows = try tokens(golden)
    let output = try model(rows)
    expectClose(output, try golden["output"], 1e-5, folder)
    expectClose(try model([Array(rows[0].prefix(5))]), try golden["short_output"], 1e-5, "\(folder), short")
    let loss = output.meanSquaredError(try golden["target"])
    expectClose(loss, try golden["loss"], 1e-5, "loss")
    try trainable.expectGradients(of: loss, try Golden("\(folder)/gradients.safetensors"), 1e-4)
  }

  @Test func wrongTokensAreErrors() throws {
    let weights = Weights(RandomWeights(seed: 1), name: "random")
    let configuration = try CLIPTextConfiguration(try Golden.configuration("clip-gelu/config.json"))
    let model = try CLIPTextModel(weights.root, configuration)
    #expect(throws: ModelInputError.self) { try model([[configuration.vocabularySize]]) }
    #expect(throws: ModelInputError.self) { try model([[1, 2], [1]]) }
    #expect(throws: ModelInputError.self) {
      try model([Array(repeating: 0, count: configuration.maxPositions + 1)])
    }
    #expect(throws: ModelInputError.self) { try model([]) }
  }
}
