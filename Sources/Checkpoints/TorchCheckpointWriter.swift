public import Tensors

/// Writes what `torch.save` would write, for the tools of the field: a zip of a pickle and of the tensors' bytes.
///
/// Tensors are float32 and contiguous. The pickle names nothing but torch's own tensor functions, so that
/// `torch.load(path, weights_only=True)` takes it.
public enum TorchCheckpointWriter {
  /// A dictionary of parameters, in the given order.
  /// - Throws: ``CheckpointError``.
  public static func write(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws {
    var pickle = PickleWriter()
    pickle.dictionary(tensors.map { ($0.name, $0.tensor.shape) })
    try write(pickle.bytes, tensors.map(\.tensor), to: path)
  }

  /// A list of parameters without names.
  /// - Throws: ``CheckpointError``.
  public static func write(_ tensors: [Tensor], to path: String) throws {
    var pickle = PickleWriter()
    pickle.list(tensors.map(\.shape))
    try write(pickle.bytes, tensors, to: path)
  }

  private static func write(_ pickle: [UInt8], _ tensors: [Tensor], to path: String) throws {
    try AtomicFile.write(to: path) { append in
      try withoutActuallyEscaping(append) { append in
        var zip = ZipWriter(append: append)
        try pickle.withUnsafeBytes { try zip.add("archive/data.pkl", $0) }
        try Array("little".utf8).withUnsafeBytes { try zip.add("archive/byteorder", $0) }
        for (index, tensor) in tensors.enumerated() {
          try tensor.detached().widened().withUnsafeBytes { try zip.add("archive/data/\(index)", $0) }
        }
        try Array("3\n".utf8).withUnsafeBytes { try zip.add("archive/version", $0) }
        try zip.finish(path)
      }
    }
  }
}

/// The pickle of parameters, protocol 2, whose storages are numbered in order.
private struct PickleWriter {
  private(set) var bytes: [UInt8] = [0x80, 2]
  private var storages = 0

  mutating func dictionary(_ entries: [(name: String, shape: [Int])]) {
    bytes += Array("}(".utf8)
    for (name, shape) in entries {
      text(name)
      parameter(shape)
    }
    bytes += Array("u.".utf8)
  }

  mutating func list(_ shapes: [[Int]]) {
    bytes += Array("](".utf8)
    shapes.forEach { parameter($0) }
    bytes += Array("e.".utf8)
  }

  /// `_rebuild_parameter(_rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()), True, OrderedDict())`
  private mutating func parameter(_ shape: [Int]) {
    let count = shape.reduce(1, *)
    global("torch._utils", "_rebuild_parameter")
    bytes += Array("(".utf8)
    global("torch._utils", "_rebuild_tensor_v2")
    bytes += Array("((".utf8)
    text("storage")
    global("torch", "FloatStorage")
    text("\(storages)")
    text("cpu")
    integer(count)
    bytes += Array("tQ".utf8)
    integer(0)
    tuple(shape)
    tuple(shape.indices.map { shape[($0 + 1)...].reduce(1, *) })
    bytes += [0x89]
    emptyOrderedDictionary()
    bytes += Array("tR".utf8) + [0x88]
    emptyOrderedDictionary()
    bytes += Array("tR".utf8)
    storages += 1
  }

  private mutating func emptyOrderedDictionary() {
    global("collections", "OrderedDict")
    bytes += Array(")R".utf8)
  }

  private mutating func tuple(_ numbers: [Int]) {
    bytes += Array("(".utf8)
    numbers.forEach { integer($0) }
    bytes += Array("t".utf8)
  }

  /// LONG1 of 8 bytes holds every count.
  private mutating func integer(_ number: Int) {
    bytes += [0x8A, 8]
    append(UInt64(number))
  }

  private mutating func text(_ text: String) {
    bytes += Array("X".utf8)
    append(UInt32(text.utf8.count))
    bytes += Array(text.utf8)
  }

  private mutating func global(_ module: String, _ name: String) {
    bytes += Array("c\(module)\n\(name)\n".utf8)
  }

  private mutating func append<N: FixedWidthInteger>(_ number: N) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }
}
