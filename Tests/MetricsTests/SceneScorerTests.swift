import Checkpoints
import Layers
import Tensors
import Testing

@testable import Metrics

/// The scorer against torch, and against files that do not belong to it.
@Suite struct SceneScorerTests {
  @Test func readsAsTorchDoes() throws {
    let scorer = try SceneScorer(folder: Golden.folder + "/scorer")
    #expect(scorer.configuration.cell == 8)
    let golden = try Golden("scorer/golden.safetensors")
    let reading = scorer(try golden.pictures("pixels"))
    let mask = Tensor(reading.coverage, shape: [2, 1, reading.rows, reading.columns])
    expectClose(mask, try golden["mask"], 1e-5, "mask")
    expectClose(reading.features, try golden["features"], 1e-5, "features")
    expectClose(reading.subjectLogits, try golden["subject"], 1e-5, "subject")
    expectClose(reading.placeLogits, try golden["place"], 1e-5, "place")
    let likeliest = try golden["subject"].toArray()[..<4]
    #expect(reading.subjects[0] == likeliest.firstIndex(of: likeliest.max() ?? 0))
  }

  @Test func looksAtOtherSizesToo() throws {
    let scorer = try SceneScorer(folder: Golden.folder + "/scorer")
    let pictures = try Golden("scorer/golden.safetensors").pictures("pixels")
    let twice = scorer(pictures.upsampledNearest(height: 64, width: 64).resized(height: 32, width: 32))
    let large = scorer(pictures.upsampledNearest(height: 64, width: 64))
    #expect(large.coverage == twice.coverage)
    #expect(large.rows == 4 && large.columns == 4)
  }

  @Test func refusesWeightsOfAnotherShape() throws {
    let folder = ComponentFolder(Golden.folder + "/scorer")
    var configuration = try SceneScorerConfiguration(try folder.configuration())
    configuration.subjects.append("fox")
    let weights = Weights(
      try SafeTensors(contentsOf: folder.file("scorer.safetensors")), name: "scorer.safetensors")
    _ = try SceneScorer(weights.root, configuration)
    #expect(throws: WeightError.self) { try weights.finish() }
  }

  @Test(arguments: [
    (#"{"size": 30}"#, "size"), (#"{"strides": [2, 2, 1]}"#, "strides"), (#"{"groups": 3}"#, "groups"),
    (#"{"places": ["on grass", "on grass"]}"#, "places"),
  ])
  func refusesConfigurations(change: String, key: String) throws {
    var values = try Golden.configuration("scorer/config.json").values
    for (key, value) in try #require(JSON(parsing: Array(change.utf8), file: "change").object) { values[key] = value }
    let error = #expect(throws: CheckpointError.self) {
      try SceneScorerConfiguration(try Configuration(.object(values), file: "config.json"))
    }
    #expect(error?.message.contains(key) == true)
  }
}
