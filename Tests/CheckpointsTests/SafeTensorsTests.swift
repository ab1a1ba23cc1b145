import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

@Suite("safetensors")
struct SafeTensorsTests {
  @Test("reads every precision as Python wrote it")
  func typed() throws {
    let typed = try SafeTensors(contentsOf: "\(fixtures)/typed.safetensors")
    let expected = try SafeTensors(contentsOf: "\(fixtures)/expected.safetensors")
    #expect(Set(typed.names) == Set(expected.names))
    #expect(typed.metadata == ["format": "pt", "note": "with \"quotes\" and ü"])
    for name in expected.names {
      #expect(typed.shape(of: name) == expected.shape(of: name))
      #expect(try typed.tensor(name).toArray() == expected.tensor(name).toArray(), "\(name)")
    }
  }

  @Test("writes what it reads, in each precision", arguments: [DType.float32, .float16, .bfloat16])
  func roundTrip(_ dtype: DType) throws {
    let values: [Float] = [0, -0.0, 1, -2.5, 65504, 1e-7, 0.333_333_34, .infinity]
    let metadata = ["key": "line\nbreak \"quoted\" \\ back\u{1} ü 🦊", "a": ""]
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      let tensors: [(name: String, tensor: Tensor)] = [
        ("second \"name\"", Tensor(values, shape: [2, 4])), ("first", Tensor([7], shape: [])),
        ("empty", Tensor([], shape: [0, 3])),
      ]
      try SafeTensorsWriter.write(tensors, metadata: metadata, dtype: dtype, to: path)
      let file = try SafeTensors(contentsOf: path)
      #expect(file.metadata == metadata)
      #expect(file.names == ["second \"name\"", "first", "empty"])
      let read = try file.tensor("second \"name\"").toArray()
      for (found, value) in zip(read, values) {
        let expected: Float =
          switch dtype {
          case .float32: value
          case .float16: Float(Float16(value))
          case .bfloat16: value.isFinite ? rounded(value) : value
          }
        #expect(found == expected)
      }
      #expect(try file.tensor("first").shape == [])
      #expect(try file.tensor("empty").shape == [0, 3])
      // Nothing but the file is left.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.safetensors"])
    }
  }

  /// Nearest bfloat16 by search among neighbours.
  private func rounded(_ value: Float) -> Float {
    let low = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let high = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
    if abs(value - low) == abs(high - value) { return low.bitPattern & 0x1_0000 == 0 ? low : high }
    return abs(value - low) < abs(high - value) ? low : high
  }

  @Test("equal contents give equal bytes")
  func deterministic() throws {
    try withTemporaryFolder { folder in
      let metadata = Dictionary(uniqueKeysWithValues: (0..<20).map { ("key \($0)", "\($0)") })
      for name in ["a", "b"] {
        try SafeTensorsWriter.write(
          [("x", Tensor(counting: [3]))], metadata: metadata, to: "\(folder)/\(name)")
      }
      let first = try Data(contentsOf: URL(filePath: "\(folder)/a"))
      #expect(try first == Data(contentsOf: URL(filePath: "\(folder)/b")))
    }
  }

  @Test("a value beyond float16 is an error, and so is a name twice")
  func refusedWrites() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a"
      expectError(.badData, "beyond float16") {
        try SafeTensorsWriter.write([("x", Tensor([1e6], shape: [1]))], dtype: .float16, to: path)
      }
      expectError(.badData, "two tensors are named x") {
        try SafeTensorsWriter.write(
          [("x", Tensor(counting: [1])), ("x", Tensor(counting: [1]))], to: path)
      }
      let rest = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(rest == [])
    }
  }

  @Test("tensors stay valid when the reader is gone")
  func outlivesReader() throws {
    let tensor = try {
      let file = try SafeTensors(contentsOf: "\(fixtures)/expected.safetensors")
      return try file.tensor(
        "conv.weight", shape: [3, 2, 3, 3], layout: .matrix, initializer: .zeros, fanIn: 1)
    }()
    #expect(tensor.shape == [3, 18])
    #expect(tensor.toArray().allSatisfy { abs($0) < 6 })
  }

  @Test("bytes at odd positions are read all the same")
  func misaligned() throws {
    let data: [UInt8] = [9] + [Float(1.5), -2].flatMap { $0.bitPattern.bytes }
    let header = """
      {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}
      """
    try withFile(file(header, data)) { path in
      let file = try SafeTensors(contentsOf: path)
      #expect(try file.tensor("a").toArray() == [9])
      #expect(try file.tensor("b").toArray() == [1.5, -2])
    }
  }

  private func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    UInt64(header.utf8.count).bytes + Array(header.utf8) + data
  }

  private func entry(_ dtype: String, _ shape: String, _ start: Int, _ end: Int) -> String {
    "{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
  }

  @Test("hostile and damaged files are refused")
  func hostile() throws {
    let eight = [UInt8](repeating: 0, count: 8)
    let deep = String(repeating: "[", count: 200_000)
    let cases: [(bytes: [UInt8], text: String)] = [
      ([1, 2, 3], "too few"),
      (UInt64.max.bytes + eight, "header claims 18446744073709551615"),
      (UInt64(50).bytes + eight, "header claims 50"),
      (UInt64(200_000_000).bytes + eight, "not a whole safetensors file"),
      (file("[]"), "not a JSON object"),
      (file("{\"a\":"), "ends early"),
      (file("{}", eight), "describes"),
      (file("{\"a\":\(entry("F32", "[2]", 0, 8))}", [0, 0]), "cut off"),
      (file("{\"a\":\(entry("F32", "[2]", 0, 8))}", eight + [0]), "describes"),
      (file("{\"a\":\(entry("F32", "[2]", 0, 4))}", [0, 0, 0, 0]), "4 bytes found, 8 expected"),
      (file("{\"a\":\(entry("F32", "[2]", 4, 12))}", eight + [0, 0, 0, 0]), "gap"),
      (
        file("{\"a\":\(entry("F32", "[2]", 0, 8)),\"b\":\(entry("F32", "[2]", 4, 12))}", eight + eight),
        "overlaps"
      ),
      (file("{\"a\":\(entry("F32", "[1]", 8, 4))}", eight), "not an interval"),
      (file("{\"a\":\(entry("F32", "[1]", -4, 0))}", eight), "not an interval"),
      (file("{\"a\":\(entry("F32", "[1]", 0, Int.max))}", eight), "not an interval"),
      (file("{\"a\":\(entry("F32", "[-1]", 0, 0))}"), "not a list of lengths"),
      (file("{\"a\":\(entry("F32", "[1.5]", 0, 0))}"), "not a list of lengths"),
      (file("{\"a\":\(entry("F32", "[4294967296,4294967296,4294967296]", 0, 0))}"), "not a list of lengths"),
      (file("{\"a\":\(entry("F128", "[1]", 0, 16))}", eight + eight), "unknown dtype"),
      (
        file("{\"a\":\(entry("F32", "[1]", 0, 4)),\"a\":\(entry("F32", "[1]", 4, 8))}", eight),
        "appears twice"
      ),
      (file("{\"a\":{\"dtype\":\"F32\",\"shape\":[0]}}"), "expected the keys"),
      (file("{\"a\":7}"), "expected the keys"),
      (file("{\"__metadata__\":{\"a\":1}}"), "expected strings"),
      (file("{\"a\":\(deep)"), "nested deeper"),
      (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "git lfs pull"),
      (Array("<!doctype html><html></html>".utf8), "web page"),
    ]
    for item in cases {
      try withFile(item.bytes) { path in
        expectError(.badData, path, item.text) { _ = try SafeTensors(contentsOf: path) }
      }
    }
    try withFile([]) { path in expectError(.badData, "empty") { _ = try SafeTensors(contentsOf: path) } }
    expectError(.notFound, "/none/a") { _ = try SafeTensors(contentsOf: "/none/a") }
    expectError(.unreadable, "not a regular file") { _ = try SafeTensors(contentsOf: "/dev/zero") }
  }

  @Test("a truncated copy of a real file is refused at every length")
  func truncated() throws {
    let whole = try Data(contentsOf: URL(filePath: "\(fixtures)/typed.safetensors"))
    for length in stride(from: 1, to: whole.count, by: 61) {
      try withFile(Array(whole.prefix(length))) { path in
        expectError { _ = try SafeTensors(contentsOf: path) }
      }
    }
  }

  @Test("no mutated header crashes the reader")
  func mutated() throws {
    let whole = try Array(Data(contentsOf: URL(filePath: "\(fixtures)/typed.safetensors")))
    var generator = TorchGenerator(seed: 3)
    try withTemporaryFolder { folder in
      for _ in 0..<500 {
        var bytes = whole
        for _ in 0..<3 { bytes[generator.randint(below: 1400)] = UInt8(generator.randint(below: 256)) }
        try Data(bytes).write(to: URL(filePath: "\(folder)/a"))
        guard let file = try? SafeTensors(contentsOf: "\(folder)/a") else { continue }
        for name in file.names { _ = try? file.tensor(name).toArray() }
      }
    }
  }

  @Test("8-bit floats are refused when they are asked for")
  func eightBit() throws {
    try withFile(file("{\"a\":\(entry("F8_E4M3", "[1]", 0, 1))}", [0])) { path in
      let file = try SafeTensors(contentsOf: path)
      expectError(.badData, "8-bit floats", "bfloat16") { _ = try file.tensor("a") }
    }
  }
}
