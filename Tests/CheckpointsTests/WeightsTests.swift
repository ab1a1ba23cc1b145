import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

/// Float32 tensors in memory under the names of a checkpoint.
private struct MemorySource: WeightSource {
  var tensors: [String: Tensor]
  var names: [String] { tensors.keys.sorted() }
  func shape(of name: String) -> [Int]? { tensors[name]?.shape }
  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    guard let tensor = tensors[name] else { throw WeightError(file: "memory", missing: [name]) }
    return StoredTensor(tensor.toArray(), shape: tensor.shape).laidOut(layout, as: shape)
  }
}

@Suite("Weights")
struct WeightsTests {
  private func source(_ shapes: [String: [Int]]) -> MemorySource {
    MemorySource(tensors: shapes.mapValues { Tensor(counting: $0) })
  }

  @Test("a load that fits")
  func fits() throws {
    let weights = Weights(
      source(["a.0.weight": [2, 3], "a.0.bias": [2], "embeddings.position_ids": [1, 7]]), name: "file")
    let scope = weights.root["a"][0]
    #expect(scope.path == "a.0")
    #expect(scope.has("bias"))
    #expect(!scope.has("scale"))
    #expect(try scope("weight", [2, 3], .matrix).toArray() == [0, 1, 2, 3, 4, 5])
    #expect(try scope("bias", [2]).shape == [2])
    try weights.finish()
  }

  @Test("one error lists all that is missing, left over or of another shape")
  func strict() throws {
    let weights = Weights(source(["a": [2, 3], "b": [4], "c": [1]]), name: "folder/file")
    #expect(try weights.root("a", [3, 2], .matrix).shape == [3, 2])
    #expect(try weights.root("d", [2, 3, 1, 1], .conv2d).shape == [2, 1, 1, 3])
    #expect(try weights.root("e", [2]).toArray() == [0, 0])
    let error = #expect(throws: WeightError.self) { try weights.finish() }
    #expect(error?.missing == ["d", "e"])
    #expect(error?.unexpected == ["b", "c"])
    #expect(error?.misshapen == [.init(name: "a", found: [2, 3], expected: [3, 2])])
    let text = "\(try #require(error))"
    for part in ["folder/file", "2 missing: d, e", "2 unexpected: b, c", "found (2, 3), expected (3, 2)"] {
      #expect(text.contains(part), "\(text)")
    }
  }

  @Test("long lists are cut after eight")
  func manyMissing() throws {
    let weights = Weights(source(["a": [1]]), name: "file")
    for index in 0..<20 { _ = try weights.root["block"][index]("weight", [2]) }
    let error = #expect(throws: WeightError.self) { try weights.finish() }
    let text = "\(try #require(error))"
    #expect(text.contains("20 missing: block.0.weight"))
    #expect(text.contains("block.7.weight and 12 more"))
    #expect(!text.contains("block.8.weight"))
  }

  @Test("stand-ins for missing weights take no memory, absurd shapes are refused at once")
  func absurd() throws {
    let weights = Weights(source(["a": [1]]), name: "file")
    _ = try weights.root("huge", [1 << 18, 1 << 18], .matrix)
    for shape in [[1 << 62, 1 << 62], [1 << 41], [-3], [0, 5]] {
      #expect(throws: WeightError.self) { try weights.root("b", shape) }
    }
  }

  @Test("layouts, and back for saving")
  func layouts() throws {
    let values = source([
      "conv": [2, 3, 2, 2], "time": [2, 3, 3, 1, 1], "one": [2, 3, 1, 1], "flat": [2, 3],
    ])
    let weights = Weights(values, name: "file")
    let conv = try weights.root("conv", [2, 3, 2, 2], .conv2d)
    #expect(conv.toArray() == values.tensors["conv"]?.permuted([0, 2, 3, 1]).toArray())
    #expect(conv.shape == [2, 2, 2, 3])
    let time = try weights.root("time", [2, 3, 3, 1, 1], .temporalConv)
    #expect(time.shape == [3, 2, 3])
    #expect(time.toArray().prefix(6) == [0, 3, 6, 9, 12, 15])
    // The same projection stored as convolution or as Linear.
    #expect(try weights.root("one", [2, 3], .matrix).shape == [2, 3])
    #expect(try weights.root("flat", [2, 3, 1, 1], .conv2d).shape == [2, 1, 1, 3])
    try weights.finish()
    for (name, layout, tensor) in [("conv", WeightLayout.conv2d, conv), ("time", .temporalConv, time)] {
      let stored = try #require(values.tensors[name])
      let back = layout.checkpointOrder(tensor, shape: stored.shape)
      #expect(back.shape == stored.shape)
      #expect(back.toArray() == stored.toArray())
    }
  }

  @Test("half precision rests as it is, plain widens")
  func halves() throws {
    try withTemporaryFolder { folder in
      let tensor = Tensor(counting: [2, 3, 2, 2])
      let path = "\(folder)/a"
      try SafeTensorsWriter.write([("w", tensor)], dtype: .bfloat16, to: path)
      let file = try SafeTensors(contentsOf: path)
      let conv = try Weights(file, name: path).root("w", [2, 3, 2, 2], .conv2d)
      #expect(conv.dtype == .bfloat16)
      #expect(conv.toArray() == tensor.permuted([0, 2, 3, 1]).toArray())
      #expect(try Weights(file, name: path).root("w", [2, 3, 2, 2]).dtype == .float32)
    }
  }

  @Test("old names, prefixes")
  func overlays() throws {
    let old = source([
      "attentions.0.query.weight": [1], "attentions.0.proj_attn.bias": [2], "key.norm.weight": [3],
      "attentions.0.value.weight": [4], "attentions.0.to_v.weight": [5],
    ])
    let renamed = RenamedSource(old, rename: RenamedSource.currentAttentionName)
    #expect(renamed.shape(of: "attentions.0.to_q.weight") == [1])
    #expect(renamed.shape(of: "attentions.0.to_out.0.bias") == [2])
    #expect(renamed.shape(of: "key.norm.weight") == [3])
    #expect(renamed.shape(of: "attentions.0.query.weight") == nil)
    // Both names in one file: neither hides the other from the strict load.
    #expect(renamed.names.count == 5)
    let part = PrefixedSource(renamed, prefix: "attentions.0.")
    #expect(Set(part.names).contains("to_q.weight"))
    #expect(part.shape(of: "to_out.0.bias") == [2])
    #expect(try part.tensor("to_out.0.bias").toArray() == [0, 1])
    #expect(
      try Weights(RenamedSource(RandomWeights(seed: 1), rename: { $0 }), name: "new").root("x", [2]).count
        == 2)
  }

  @Test("random initialisation follows the seed and the bounds")
  func random() throws {
    func draw(_ seed: UInt64) throws -> [[Float]] {
      let scope = Weights(RandomWeights(seed: seed), name: "new").root
      return try [
        scope("w", [8, 25]).toArray(), scope("b", [8], .plain, .fanIn, fanIn: 25).toArray(),
        scope("n", [100], .plain, .normal(0.02)).toArray(), scope("z", [3], .plain, .zeros).toArray(),
        scope("o", [3], .plain, .ones).toArray(),
      ]
    }
    let first = try draw(5)
    #expect(try draw(5) == first)
    #expect(try draw(6)[0] != first[0])
    #expect((first[0] + first[1]).allSatisfy { abs($0) <= 0.2 })
    #expect((first[0].max() ?? 0) > 0.15)
    #expect(first[2].allSatisfy { abs($0) < 0.1 })
    #expect(first[3] == [0, 0, 0])
    #expect(first[4] == [1, 1, 1])
  }

  @Test("parameters are trained, saved and restarted warm")
  func parameters() throws {
    try withTemporaryFolder { folder in
      let store = ParameterStore(RandomWeights(seed: 1))
      let scope = Weights(store, name: "new").root["conv"]
      let weight = try scope("weight", [2, 3, 3, 3], .conv2d)
      let bias = try scope("bias", [2], .plain, .zeros)
      #expect(weight.requiresGradient && bias.requiresGradient)
      #expect(store.parameters.map(\.name) == ["conv.weight", "conv.bias"])
      bias.updateInPlace { $0[1] = 7 }
      #expect(try scope("bias", [2]).toArray() == [0, 7])
      let path = "\(folder)/model.safetensors"
      try SafeTensorsWriter.write(store.exported(), to: path)

      let file = try SafeTensors(contentsOf: path)
      #expect(file.shape(of: "conv.weight") == [2, 3, 3, 3])
      let again = ParameterStore(WarmStart(file, otherwise: RandomWeights(seed: 2)))
      let grown = Weights(again, name: path).root
      #expect(try grown["conv"]("weight", [2, 3, 3, 3], .conv2d).toArray() == weight.toArray())
      #expect(try grown["conv"]("bias", [2]).toArray() == [0, 7])
      #expect(try grown["added"]("bias", [4]).count == 4)
      let strict = Weights(ParameterStore(file), name: path)
      _ = try strict.root["conv"]("weight", [2, 3, 3, 3], .conv2d)
      #expect(throws: WeightError.self) { try strict.finish() }
    }
  }
}
