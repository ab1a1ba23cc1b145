public import Layers
public import Tensors

/// A `.bin`, `.pt`, `.pth` or `.ckpt` file written by `torch.save`, memory-mapped and read without running anything
/// in it.
///
/// Holds the tensors of the outermost dictionary; where that has a `state_dict` entry, as training checkpoints do, the
/// tensors of that. Values that are not tensors are passed over. The tensors of a list are named "0", "1", ...
public final class TorchCheckpoint: WeightSource {
  private struct Entry {
    var type: ElementType
    var shape: [Int]
    var strides: [Int]
    /// Byte position of the first element in the file.
    var start: Int

    var isContiguous: Bool {
      if shape.contains(0) { return true }
      var expected = 1
      for (length, stride) in zip(shape, strides).reversed() where length != 1 {
        if stride != expected { return false }
        expected *= length
      }
      return true
    }
  }

  /// Far above any state_dict; far below what would trouble the machine.
  private static let longestPickle = 1 << 24

  /// Keys of this source; see ``WeightSource/names``.
  public let names: [String]
  private let entries: [String: Entry]
  private let file: FileMapping

  /// Opens and checks a file.
  /// - Throws: ``CheckpointError`` that names the file and what is wrong with it.
  public convenience init(contentsOf path: String) throws { try self.init(FileMapping(path)) }

  init(_ file: FileMapping) throws {
    try file.refuseStandIn()
    try Self.refuseLegacy(file)
    let zip = try TorchZip(file)
    let path = file.path
    let pickles = zip.entries.filter { $0.key.hasSuffix("/data.pkl") }
    guard let (main, range) = pickles.min(by: { ($0.key.count, $0.key) < ($1.key.count, $1.key) }),
      let bytes = file.slice(range.lowerBound, range.count)
    else {
      throw CheckpointError(.badData, "\(path) is a zip file without data.pkl: not written by torch.save.")
    }
    guard range.count <= Self.longestPickle else {
      throw CheckpointError(
        .badData, "\(path): its pickle has \(range.count) bytes, too many for a state_dict.")
    }
    let folder = String(main.dropLast("data.pkl".count))
    if let order = zip.entries[folder + "byteorder"], let text = file.slice(order.lowerBound, order.count),
      !text.elementsEqual("little".utf8)
    {
      throw CheckpointError(.badData, "\(path) was written on a big-endian machine, expected little-endian.")
    }
    let pickle = try Pickle(bytes, path: path)
    var entries: [String: Entry] = [:]
    var names: [String] = []
    for (name, index) in try Self.tensors(of: pickle, path: path) {
      let entry = try Self.entry(name, pickle.tensors[index], pickle, zip: zip, folder: folder, path: path)
      if entries.updateValue(entry, forKey: name) == nil { names.append(name) }
    }
    self.names = names
    self.entries = entries
    self.file = file
  }

  /// torch before 1.6 wrote a tar file or a bare pickle.
  private static func refuseLegacy(_ file: FileMapping) throws {
    let isTar = file.slice(257, 5)?.elementsEqual("ustar".utf8) ?? false
    if isTar || file.bytes[0] == 0x80 {
      throw CheckpointError(
        .badData,
        "\(file.path) is in torch's format from before version 1.6, expected a zip file. Save it again: "
          + "torch.save(torch.load(path, weights_only=True), path).")
    }
    guard file.starts(with: [0x50, 0x4B]) else {
      throw CheckpointError(.badData, "\(file.path) is neither a safetensors nor a torch file.")
    }
  }

  private static func tensors(of pickle: Pickle, path: String) throws -> [(String, Int)] {
    if case .list(let index) = pickle.root, !pickle.lists[index].isEmpty,
      let list = tensors(ofList: pickle.lists[index])
    {
      return list
    }
    guard case .dictionary(var index) = pickle.root else {
      throw CheckpointError(.badData, "\(path) does not hold a dictionary of tensors.")
    }
    for (key, value) in pickle.dictionaries[index] {
      if case .string("state_dict") = key, case .dictionary(let inner) = value { index = inner }
    }
    return pickle.dictionaries[index].compactMap { key, value in
      if case .string(let name) = key, case .tensor(let tensor) = value { (name, tensor) } else { nil }
    }
  }

  /// A list of nothing but tensors, by their places.
  private static func tensors(ofList values: [PickleValue]) -> [(String, Int)]? {
    let tensors = values.compactMap { value in if case .tensor(let tensor) = value { tensor } else { Int?.none } }
    guard tensors.count == values.count else { return nil }
    return tensors.enumerated().map { ("\($0)", $1) }
  }

  private static func entry(
    _ name: String, _ tensor: PickledTensor, _ pickle: Pickle, zip: TorchZip, folder: String, path: String
  ) throws -> Entry {
    func fault(_ reason: String) -> CheckpointError {
      CheckpointError(.badData, "\(path): tensor \(name.prefix(200)): \(reason).")
    }
    let storage = pickle.storages[tensor.storage]
    guard let range = zip.entries["\(folder)data/\(storage.key)"] else {
      throw fault("its storage \(storage.key.prefix(100)) is missing")
    }
    let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.type.size)
    guard !overflow, storage.count >= 0, bytes == range.count else {
      throw fault(
        "its storage has \(range.count) bytes, expected \(storage.count) of \(storage.type.rawValue)")
    }
    guard let count = elementCount(tensor.shape), count <= storage.count else {
      throw fault("its shape \(tensor.shape) does not fit its storage of \(storage.count) elements")
    }
    // Index of the last element; every step checked, because strides may be anything.
    var last = tensor.offset
    guard last >= 0, last <= storage.count else { throw fault("it begins outside its storage") }
    for (length, stride) in Swift.zip(tensor.shape, tensor.strides) where length > 1 && count > 0 {
      let (span, overflow) = stride.multipliedReportingOverflow(by: length - 1)
      guard stride >= 0, !overflow, span < storage.count else { throw fault("its strides leave its storage") }
      last += span
      guard last < storage.count else { throw fault("its strides leave its storage") }
    }
    guard count == 0 || last < storage.count else { throw fault("it begins outside its storage") }
    return Entry(
      type: storage.type, shape: tensor.shape, strides: tensor.strides,
      start: range.lowerBound + tensor.offset * storage.type.size)
  }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? { entries[name]?.shape }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    guard let entry = entries[name], let base = file.bytes.baseAddress else {
      throw WeightError(file: file.path, missing: [name])
    }
    guard layout.accepts(entry.shape, as: shape) else {
      throw WeightError(
        file: file.path, misshapen: [.init(name: name, found: entry.shape, expected: shape)])
    }
    let label = "\(name) of \(file.path)"
    if entry.isContiguous {
      let stored = try entry.type.stored(base + entry.start, shape: entry.shape, owner: file, name: label)
      return stored.laidOut(layout, as: shape)
    }
    let packed = PackedBytes(base + entry.start, entry.type.size, entry.shape, entry.strides)
    let stored = try entry.type.stored(packed.start, shape: entry.shape, owner: packed, name: label)
    return stored.laidOut(layout, as: shape)
  }
}

/// A contiguous copy of a strided tensor.
private final class PackedBytes: @unchecked Sendable {
  /// Unchecked: written only during construction.
  let start: UnsafeRawPointer

  init(_ base: UnsafeRawPointer, _ size: Int, _ shape: [Int], _ strides: [Int]) {
    let count = shape.reduce(1, *)
    let target = UnsafeMutableRawPointer.allocate(byteCount: max(count * size, 1), alignment: 64)
    var index = [Int](repeating: 0, count: shape.count)
    // Wrapping: the stride of an axis of length 1 may be any number and cancels.
    var source = 0
    for element in 0..<count {
      (target + element * size).copyMemory(from: base + source * size, byteCount: size)
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        source &+= strides[axis]
        if index[axis] < shape[axis] { break }
        source &-= strides[axis] &* shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    start = UnsafeRawPointer(target)
  }

  deinit { start.deallocate() }
}
