// The safetensors format: 8 bytes little-endian header length, a JSON header, then the elements of all tensors
// without gaps. https://github.com/huggingface/safetensors
public import Layers
public import Tensors

/// A safetensors file, memory-mapped: tensors refer to the file's pages and are read when they are used.
///
/// Files come from strangers: sizes, offsets, overlaps, types and names are all checked before any byte is used.
public final class SafeTensors: WeightSource {
  private struct Entry {
    var type: ElementType
    var shape: [Int]
    /// Bytes in the file.
    var range: Range<Int>
  }

  /// As in the reference implementation.
  private static let longestHeader = 100_000_000

  /// Free text of the file, from `__metadata__`.
  public let metadata: [String: String]
  /// Keys in the order of their bytes.
  public let names: [String]
  private let entries: [String: Entry]
  private let file: FileMapping

  /// Opens and checks a file.
  /// - Throws: ``CheckpointError`` that names the file and what is wrong with it.
  public convenience init(contentsOf path: String) throws { try self.init(FileMapping(path)) }

  init(_ file: FileMapping) throws {
    try file.refuseStandIn()
    let path = file.path
    guard let length = file.integer(UInt64.self, at: 0) else {
      throw CheckpointError(.badData, "\(path) has \(file.bytes.count) bytes, too few for safetensors.")
    }
    guard length <= Self.longestHeader, let header = file.slice(8, Int(length)) else {
      throw CheckpointError(
        .badData,
        "\(path) is not a whole safetensors file: its header claims \(length) bytes, "
          + "the file has \(file.bytes.count).")
    }
    guard header.first == UInt8(ascii: "{") else {
      throw CheckpointError(.badData, "\(path) is not a safetensors file: its header is not a JSON object.")
    }
    let json = try JSON(parsing: Array(header), file: path)
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in json.object ?? [:] {
      if name == "__metadata__" {
        metadata = try Self.metadata(value, path: path)
      } else {
        entries[name] = try Self.entry(name, value, start: 8 + Int(length), path: path)
      }
    }
    let ordered = entries.sorted { first, second in
      let (one, other) = (first.value.range, second.value.range)
      return (one.lowerBound, one.upperBound, first.key) < (other.lowerBound, other.upperBound, second.key)
    }
    try Self.checkCover(ordered.map { ($0.key, $0.value) }, start: 8 + Int(length), file: file)
    self.metadata = metadata
    self.names = ordered.map(\.key)
    self.entries = entries
    self.file = file
  }

  private static func metadata(_ value: JSON, path: String) throws -> [String: String] {
    guard let members = value.object else {
      throw CheckpointError(.badData, "\(path): __metadata__: found \(value.summary), expected an object.")
    }
    return try members.mapValues { member in
      guard let text = member.string else {
        throw CheckpointError(.badData, "\(path): __metadata__ holds \(member.summary), expected strings.")
      }
      return text
    }
  }

  private static func entry(_ name: String, _ value: JSON, start: Int, path: String) throws -> Entry {
    func fault(_ reason: String) -> CheckpointError {
      CheckpointError(.badData, "\(path): tensor \(name.prefix(200)): \(reason).")
    }
    guard let members = value.object, Set(members.keys) == ["dtype", "shape", "data_offsets"] else {
      throw fault("expected the keys dtype, shape and data_offsets")
    }
    guard let type = members["dtype"]?.string.flatMap(ElementType.init) else {
      throw fault("unknown dtype \(members["dtype"]?.summary ?? "")")
    }
    let shape = members["shape"]?.array?.compactMap(\.integer) ?? []
    guard shape.count == members["shape"]?.array?.count, shape.count <= 16, let count = elementCount(shape)
    else { throw fault("its shape is not a list of lengths") }
    let offsets = members["data_offsets"]?.array?.compactMap(\.integer) ?? []
    guard offsets.count == 2, members["data_offsets"]?.array?.count == 2, offsets[0] >= 0,
      offsets[0] <= offsets[1], offsets[1] <= Int.max - start
    else { throw fault("data_offsets are not an interval") }
    guard count * type.size == offsets[1] - offsets[0] else {
      throw fault(
        "\(offsets[1] - offsets[0]) bytes found, \(count * type.size) expected of \(type.rawValue) \(shape)")
    }
    return Entry(type: type, shape: shape, range: start + offsets[0]..<start + offsets[1])
  }

  /// The tensors must tile the data: no overlap, no gap, nothing beyond the end.
  private static func checkCover(_ entries: [(String, Entry)], start: Int, file: FileMapping) throws {
    var end = start
    for (name, entry) in entries {
      guard entry.range.lowerBound == end else {
        let fault = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a gap before it"
        throw CheckpointError(.badData, "\(file.path): tensor \(name.prefix(200)) \(fault).")
      }
      end = entry.range.upperBound
    }
    guard end == file.bytes.count else {
      throw CheckpointError(
        .badData,
        "\(file.path) has \(file.bytes.count) bytes, its header describes \(end). "
          + (end > file.bytes.count ? "The file is cut off: download or copy it again." : ""))
    }
  }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? { entries[name]?.shape }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    guard let entry = entries[name] else { throw WeightError(file: file.path, missing: [name]) }
    guard layout.accepts(entry.shape, as: shape) else {
      throw WeightError(
        file: file.path, misshapen: [.init(name: name, found: entry.shape, expected: shape)])
    }
    guard let base = file.bytes.baseAddress else { throw WeightError(file: file.path, missing: [name]) }
    let stored = try entry.type.stored(
      base + entry.range.lowerBound, shape: entry.shape, owner: file, name: "\(name) of \(file.path)")
    return stored.laidOut(layout, as: shape)
  }
}

extension WeightSource {
  /// A stored tensor as it lies in the file, widened to float32: for files whose keys describe the model, such as
  /// embeddings.
  public func tensor(_ name: String) throws -> Tensor {
    guard let shape = shape(of: name) else { throw WeightError(file: "The checkpoint", missing: [name]) }
    return try tensor(name, shape: shape, layout: .plain, initializer: .zeros, fanIn: 1)
  }
}
