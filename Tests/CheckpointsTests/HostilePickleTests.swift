import Checkpoints
import Foundation
import Tensors
import Testing

/// Opcodes of a pickle, enough to write a state_dict by hand.
private struct PickleBuilder {
  var bytes: [UInt8] = [0x80, 2]

  static func + (builder: PickleBuilder, more: [UInt8]) -> PickleBuilder {
    PickleBuilder(bytes: builder.bytes + more)
  }

  static func text(_ text: String) -> [UInt8] { [0x58] + UInt32(text.utf8.count).bytes + Array(text.utf8) }
  static func global(_ module: String, _ name: String) -> [UInt8] {
    [0x63] + Array("\(module)\n\(name)\n".utf8)
  }
  static func int(_ value: Int64) -> [UInt8] { [0x8A, 8] + value.bytes }
  static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.flatMap { $0 } + [0x74] }

  static func storage(_ type: String = "FloatStorage", key: String = "0", count: Int64) -> [UInt8] {
    tuple([text("storage"), global("torch", type), text(key), text("cpu"), int(count)]) + [0x51]
  }

  static func tensor(
    count: Int64 = 4, offset: Int64 = 0, shape: [Int64] = [4], strides: [Int64] = [1],
    type: String = "FloatStorage"
  ) -> [UInt8] {
    let arguments = tuple([
      storage(type, count: count), int(offset), tuple(shape.map(int)), tuple(strides.map(int)), [0x89],
      [0x7D],
    ])
    return global("torch._utils", "_rebuild_tensor_v2") + arguments + [0x52]
  }

  /// `{"x": value}`
  static func dictionary(_ value: [UInt8]) -> [UInt8] {
    [0x80, 2, 0x7D] + text("x") + value + [0x73, 0x2E]
  }
}

/// A zip file of stored entries, with chosen lies.
private struct ZipBuilder {
  var entries: [(name: String, contents: [UInt8])]
  var usesLongFields = false
  var sizeLie: UInt32 = 0
  var offsetLie: UInt32 = 0
  var countLie: UInt16 = 0
  var localName: String?

  var bytes: [UInt8] {
    var body: [UInt8] = []
    var directory: [UInt8] = []
    for (name, contents) in entries {
      let offset = UInt32(body.count) &+ offsetLie
      let size = UInt32(contents.count) &+ sizeLie
      let local = localName ?? name
      body += UInt32(0x0403_4B50).bytes + [UInt8](repeating: 0, count: 22)
      body += UInt16(local.utf8.count).bytes + UInt16(0).bytes + Array(local.utf8) + contents
      let long: [UInt8] =
        usesLongFields
        ? UInt16(1).bytes + UInt16(24).bytes + UInt64(size).bytes + UInt64(size).bytes + UInt64(offset).bytes
        : []
      let (shownSize, shownOffset) = usesLongFields ? (UInt32.max, UInt32.max) : (size, offset)
      directory += UInt32(0x0201_4B50).bytes + [UInt8](repeating: 0, count: 16)
      directory +=
        shownSize.bytes + shownSize.bytes + UInt16(name.utf8.count).bytes + UInt16(long.count).bytes
      directory += [UInt8](repeating: 0, count: 10) + shownOffset.bytes + Array(name.utf8) + long
    }
    let start = body.count
    let count = UInt16(entries.count) &+ countLie
    var end: [UInt8] = []
    if usesLongFields {
      end += UInt32(0x0606_4B50).bytes + UInt64(44).bytes + [UInt8](repeating: 0, count: 12)
      end += UInt64(count).bytes + UInt64(count).bytes + UInt64(directory.count).bytes + UInt64(start).bytes
      end +=
        UInt32(0x0706_4B50).bytes + UInt32(0).bytes + UInt64(start + directory.count).bytes + UInt32(1).bytes
    }
    end += UInt32(0x0605_4B50).bytes + UInt32(0).bytes
    end += usesLongFields ? [UInt8](repeating: 0xFF, count: 12) : count.bytes + count.bytes
    if !usesLongFields { end += UInt32(directory.count).bytes + UInt32(start).bytes }
    return body + directory + end + UInt16(0).bytes
  }
}

@Suite("hostile torch files")
struct HostilePickleTests {
  private let floats: [UInt8] = [Float(1), 2, 3, 4].flatMap { $0.bitPattern.bytes }

  private func zip(_ pickle: [UInt8]) -> ZipBuilder {
    ZipBuilder(entries: [("a/data.pkl", pickle), ("a/data/0", floats)])
  }

  private func open(_ builder: ZipBuilder) throws -> [Float] {
    try withFile(builder.bytes) { path in
      let file = try TorchCheckpoint(contentsOf: path)
      return try file.tensor("x").toArray()
    }
  }

  private func expectRefusal(
    _ pickle: [UInt8], _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectError(.badData, text, sourceLocation: sourceLocation) { _ = try open(zip(pickle)) }
  }

  @Test("the builders make good files, zip64 too")
  func good() throws {
    let pickle = PickleBuilder.dictionary(PickleBuilder.tensor())
    #expect(try open(zip(pickle)) == [1, 2, 3, 4])
    var long = zip(pickle)
    long.usesLongFields = true
    #expect(try open(long) == [1, 2, 3, 4])
    let strided = PickleBuilder.dictionary(PickleBuilder.tensor(shape: [2, 2], strides: [1, 2]))
    #expect(try open(zip(strided)) == [1, 3, 2, 4])
    let offset = PickleBuilder.dictionary(
      PickleBuilder.tensor(offset: 1, shape: [1, 2], strides: [Int64.max, 2]))
    #expect(try open(zip(offset)) == [2, 4])
  }

  @Test("globals off the list are refused by name")
  func globals() {
    for (module, name) in [
      ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("torch", "load"), ("torch", "device"),
      ("collections", "defaultdict"), ("numpy.core.multiarray", "_reconstruct"), ("torch._utils", "rebuild"),
    ] {
      let call =
        PickleBuilder.global(module, name) + PickleBuilder.tuple([PickleBuilder.text("true")]) + [0x52]
      expectRefusal(PickleBuilder.dictionary(call), "\(module).\(name)")
      let byStack = PickleBuilder.text(module) + PickleBuilder.text(name) + [0x93]
      expectRefusal(PickleBuilder.dictionary(byStack), "\(module).\(name)")
    }
  }

  @Test("opcodes that build objects are refused")
  func opcodes() {
    // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, EXT2, EXT4, PERSID, NEXT_BUFFER
    for code: UInt8 in [0x69, 0x6F, 0x81, 0x92, 0x82, 0x83, 0x84, 0x50, 0x97] {
      expectRefusal([0x80, 2, 0x7D, code, 0x2E], "opcode 0x")
    }
  }

  @Test("bombs of depth, of repetition and of length end in an error, not in a crash")
  func bombs() {
    let deepList =
      [0x80, 2] + [UInt8](repeating: 0x5D, count: 1 << 20) + [UInt8](repeating: 0x61, count: 1 << 19)
    expectRefusal(deepList + [0x2E], "dictionary of tensors")
    let deepTuple = [0x80, 2, 0x4E] + [UInt8](repeating: 0x85, count: 1 << 20) + [0x2E]
    expectRefusal(deepTuple, "dictionary of tensors")
    expectRefusal([0x80, 2] + [UInt8](repeating: 0x28, count: 1 << 20) + [0x2E], "dictionary of tensors")
    // A list that contains itself, stored as its own element.
    expectRefusal([0x80, 2, 0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E], "dictionary of tensors")
    let pair: [UInt8] = [0x4E, 0x4E, 0x86]
    let list: [UInt8] = [0x5D, 0x28] + Array(repeatElement(pair, count: 5000).joined()) + [0x65, 0x71, 0]
    let copy = PickleBuilder.global("collections", "OrderedDict") + [0x68, 0, 0x85, 0x52, 0x30]
    expectRefusal(
      [0x80, 2] + list + Array(repeatElement(copy, count: 5000).joined()) + [0x2E], "over and over")
    expectRefusal([0x80, 2, 0x8D] + UInt64.max.bytes + [0x2E], "absurd")
    expectRefusal([0x80, 2, 0x8D] + UInt64(1 << 40).bytes + [0x2E], "ends early")
    expectRefusal([0x80, 2, 0x42] + UInt32.max.bytes + [0x2E], "ends early")
    expectRefusal([0x80, 2, 0x8A, 200] + [UInt8](repeating: 1, count: 300), "an integer of 200 bytes")
  }

  @Test("a broken stack machine is noticed")
  func stack() {
    expectRefusal([0x80, 2, 0x2E], "stack is empty")
    expectRefusal([0x80, 2], "ends early")
    expectRefusal([0x80, 9, 0x2E], "protocol 9")
    expectRefusal([0x80, 2, 0x52, 0x2E], "stack is empty")
    expectRefusal([0x80, 2, 0x4E, 0x74, 0x2E], "a mark is missing")
    expectRefusal([0x80, 2, 0x68, 3, 0x2E], "did not store")
    expectRefusal([0x80, 2, 0x4E, 0x4E, 0x61, 0x2E], "without a list")
    expectRefusal([0x80, 2, 0x4E, 0x4E, 0x4E, 0x73, 0x2E], "without a dictionary")
    expectRefusal([0x80, 2, 0x7D, 0x28, 0x4E, 0x75, 0x2E], "without a dictionary")
    expectRefusal([0x80, 2, 0x4E, 0x51, 0x2E], "not a storage")
    expectRefusal([0x80, 2, 0x4E, 0x4E, 0x62, 0x2E], "not a dictionary")
    expectRefusal(
      PickleBuilder.dictionary(PickleBuilder.global("torch", "FloatStorage") + [0x29, 0x52]), "is called")
    expectRefusal(
      PickleBuilder.dictionary(PickleBuilder.global("torch._utils", "_rebuild_tensor_v2") + [0x29, 0x52]),
      "strange arguments")
  }

  @Test("tensors that reach beyond their storage are refused")
  func tensors() {
    let wrong: [(tensor: [UInt8], text: String)] = [
      (PickleBuilder.tensor(count: 5), "16 bytes, expected 5"),
      (PickleBuilder.tensor(count: 3, shape: [3]), "16 bytes, expected 3"),
      (PickleBuilder.tensor(count: -1), "expected -1"),
      (PickleBuilder.tensor(count: .max), "16 bytes"),
      (PickleBuilder.tensor(type: "DoubleStorage"), "expected 4 of F64"),
      (PickleBuilder.tensor(shape: [5]), "does not fit"),
      (PickleBuilder.tensor(offset: 1), "leave its storage"),
      (PickleBuilder.tensor(offset: -1), "begins outside"),
      (PickleBuilder.tensor(offset: .max), "begins outside"),
      (PickleBuilder.tensor(offset: 4, shape: [1]), "begins outside"),
      (PickleBuilder.tensor(shape: [-1]), "does not fit"),
      (PickleBuilder.tensor(shape: [1 << 40, 1 << 40], strides: [1, 1]), "does not fit"),
      (PickleBuilder.tensor(shape: [1 << 40], strides: [0]), "does not fit"),
      (PickleBuilder.tensor(shape: [2], strides: [4]), "leave its storage"),
      (PickleBuilder.tensor(shape: [2], strides: [-1]), "leave its storage"),
      (PickleBuilder.tensor(shape: [2], strides: [.max]), "leave its storage"),
      (PickleBuilder.tensor(shape: [2, 2], strides: [3, 3]), "leave its storage"),
      (PickleBuilder.tensor(shape: [2, 2], strides: [1]), "strange arguments"),
      (
        PickleBuilder.tensor(shape: Array(repeating: 1, count: 40), strides: Array(repeating: 1, count: 40)),
        "strange"
      ),
    ]
    for item in wrong { expectRefusal(PickleBuilder.dictionary(item.tensor), item.text) }
  }

  @Test("zip directories that lie are refused")
  func zips() throws {
    let good = zip(PickleBuilder.dictionary(PickleBuilder.tensor()))
    var cases: [(ZipBuilder, String)] = []
    for (change, text): (@Sendable (inout ZipBuilder) -> Void, String) in [
      ({ $0.sizeLie = 1 << 30 }, "ends outside"), ({ $0.offsetLie = 7 }, "no header"),
      ({ $0.offsetLie = 1 << 31 }, "no header"), ({ $0.countLie = 1 }, "outside the file"),
      ({ $0.countLie = 1000 }, "outside the file"), ({ $0.localName = "a/other.pkl" }, "no header"),
      ({ $0.entries.append($0.entries[1]) }, "appears twice"), ({ $0.entries.remove(at: 1) }, "is missing"),
      ({ $0.entries.remove(at: 0) }, "without data.pkl"),
      ({ $0.entries.append(("a/byteorder", Array("big".utf8))) }, "big-endian"),
      (
        {
          $0.usesLongFields = true; $0.sizeLie = 1 << 31
        }, "ends outside"
      ),
      (
        {
          $0.usesLongFields = true; $0.countLie = 0xFFF0
        }, "outside the file"
      ),
    ] {
      var builder = good
      change(&builder)
      cases.append((builder, text))
    }
    for (builder, text) in cases { expectError(.badData, text) { _ = try open(builder) } }
    try withFile(good.bytes.dropLast(30) + []) { path in
      expectError(.badData, "no zip directory") { _ = try TorchCheckpoint(contentsOf: path) }
    }
  }
}
