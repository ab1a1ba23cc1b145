import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

@Suite("torch files")
struct TorchCheckpointTests {
  @Test("reads what torch.save writes", arguments: ["state.bin", "protocol-4.pt", "training.ckpt"])
  func state(_ name: String) throws {
    let file = try openCheckpoint("\(fixtures)/\(name)")
    let expected = try SafeTensors(contentsOf: "\(fixtures)/expected.safetensors")
    #expect(Set(file.names) == Set(expected.names))
    for name in expected.names {
      #expect(file.shape(of: name) == expected.shape(of: name))
      #expect(try file.tensor(name).toArray() == expected.tensor(name).toArray(), "\(name)")
    }
  }

  @Test("reads a module's state_dict")
  func module() throws {
    let file = try TorchCheckpoint(contentsOf: "\(fixtures)/module.bin")
    #expect(file.names.first == "0.weight")
    #expect(file.shape(of: "0.weight") == [2, 3])
    #expect(try file.tensor("1.weight").toArray() == [1, 1])
    #expect(try file.tensor("1.num_batches_tracked").toArray() == [0])
  }

  @Test("half precision stays as stored, also when the strides are not the usual ones")
  func layouts() throws {
    let file = try TorchCheckpoint(contentsOf: "\(fixtures)/state.bin")
    let half = try file.tensor("half.weight", shape: [4, 5], layout: .matrix, initializer: .zeros, fanIn: 1)
    #expect(half.dtype == .float16)
    let brain = try file.tensor(
      "brain.weight", shape: [4, 5], layout: .matrix, initializer: .zeros, fanIn: 1)
    #expect(brain.dtype == .bfloat16)
    let permuted = try file.tensor(
      "permuted", shape: [2, 5, 3, 4], layout: .conv2d, initializer: .zeros, fanIn: 1)
    #expect(permuted.shape == [2, 3, 4, 5])
    let expected = try file.tensor("permuted").permuted([0, 2, 3, 1])
    #expect(permuted.toArray() == expected.toArray())
  }

  @Test("what is not a state_dict is refused with a reason")
  func refused() throws {
    let cases = [
      ("command.bin", "posix.system"),
      ("whole-module.bin", "torch.nn.modules.linear.Linear"),
      ("legacy.bin", "before version 1.6"),
      ("list.bin", "dictionary of tensors"),
      ("compressed.bin", "compressed"),
    ]
    for (name, text) in cases {
      expectError(.badData, name, text) { _ = try openCheckpoint("\(fixtures)/\(name)") }
    }
    try withFile([UInt8](repeating: 0, count: 257) + Array("ustar".utf8) + [0, 0]) { path in
      expectError(.badData, "torch.save(torch.load(path") { _ = try TorchCheckpoint(contentsOf: path) }
    }
  }

  @Test("a truncated file is refused at every length")
  func truncated() throws {
    let whole = try Data(contentsOf: URL(filePath: "\(fixtures)/state.bin"))
    for length in stride(from: 1, to: whole.count, by: 97) {
      try withFile(Array(whole.prefix(length))) { path in
        expectError { _ = try openCheckpoint(path) }
      }
    }
  }

  @Test("no mutated file crashes the reader", arguments: ["state.bin", "protocol-4.pt"])
  func mutated(_ name: String) throws {
    let whole = try Array(Data(contentsOf: URL(filePath: "\(fixtures)/\(name)")))
    var generator = TorchGenerator(seed: 4)
    try withTemporaryFolder { folder in
      for round in 0..<1000 {
        var bytes = whole
        // The pickle lies at the start, the directory at the end.
        let span = round % 2 == 0 ? 0..<1500 : whole.count - 1500..<whole.count
        for _ in 0..<2 {
          bytes[span.lowerBound + generator.randint(below: span.count)] = UInt8(generator.randint(below: 256))
        }
        try Data(bytes).write(to: URL(filePath: "\(folder)/a"))
        guard let file = try? TorchCheckpoint(contentsOf: "\(folder)/a") else { continue }
        for name in file.names { _ = try? file.tensor(name).toArray() }
      }
    }
  }
}
