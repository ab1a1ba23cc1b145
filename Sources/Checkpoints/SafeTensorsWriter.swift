public import Tensors

/// Writes safetensors files.
public enum SafeTensorsWriter {
  /// Writes tensors in the given order, atomically.
  /// - Parameters:
  ///   - tensors: unique names with values in checkpoint order; any precision.
  ///   - metadata: free text; keys are written sorted, so that equal contents give equal bytes.
  ///   - dtype: the precision in the file. A value beyond float16's range is an error, not infinity.
  ///   - path: the target file.
  /// - Throws: ``CheckpointError``.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], dtype: DType = .float32,
    to path: String
  ) throws {
    try AtomicFile.write(to: path) { append in
      try write(tensors, metadata: metadata, dtype: dtype, path: path, append: append)
    }
  }

  static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String], dtype: DType, path: String,
    append: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let header = try header(tensors, metadata: metadata, dtype: dtype, path: path)
    var length = UInt64(header.count).littleEndian
    try withUnsafeBytes(of: &length) { try append($0) }
    try header.withUnsafeBytes { try append($0) }
    for (name, tensor) in tensors {
      let values = tensor.detached().widened()
      try values.withUnsafeBufferPointer { values in
        switch dtype {
        case .float32:
          try append(UnsafeRawBufferPointer(values))
        case .float16:
          try narrowed(values) { value in
            let half = Float16(value)
            guard half.isFinite || !value.isFinite else {
              throw CheckpointError(
                .badData, "\(path): tensor \(name) holds \(value), beyond float16. Save it as bf16 or f32.")
            }
            return half.bitPattern
          } append: {
            try append($0)
          }
        case .bfloat16:
          try narrowed(values, brainFloat, append: append)
        }
      }
    }
  }

  /// Nearest bfloat16, ties to even.
  private static func brainFloat(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16((bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// Converts in pieces that stay in cache.
  private static func narrowed(
    _ values: UnsafeBufferPointer<Float>, _ convert: (Float) throws -> UInt16,
    append: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var start = 0
    while start < values.count {
      let end = min(start + 1 << 16, values.count)
      let piece = try values[start..<end].map { try convert($0).littleEndian }
      try piece.withUnsafeBytes { try append($0) }
      start = end
    }
  }

  private static func header(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String], dtype: DType, path: String
  ) throws -> [UInt8] {
    let (label, size) =
      switch dtype {
      case .float32: ("F32", 4)
      case .float16: ("F16", 2)
      case .bfloat16: ("BF16", 2)
      }
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(JSON.quoted($0.key)):\(JSON.quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var names: Set<String> = ["__metadata__"]
    var offset = 0
    for (name, tensor) in tensors {
      guard names.insert(name).inserted else {
        throw CheckpointError(.badData, "\(path): two tensors are named \(name).")
      }
      let end = offset + tensor.count * size
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(JSON.quoted(name)):{\"dtype\":\"\(label)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var bytes = Array("{\(members.joined(separator: ","))}".utf8)
    // Tensors start at a multiple of 8 bytes in the file.
    while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
    return bytes
  }
}
