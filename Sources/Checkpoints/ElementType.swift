import Layers
import Tensors

/// Element types that checkpoint files may declare.
enum ElementType: String, Sendable {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float64 = "F64"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"
  case float8E4M3 = "F8_E4M3"
  case float8E5M2 = "F8_E5M2"

  /// Bytes of one element.
  var size: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool, .float8E4M3, .float8E5M2: 1
    }
  }

  /// Elements as the engine can hold them: half and single precision where they lie, others widened to float32.
  /// - Parameters:
  ///   - base: contiguous elements, alive as long as `owner`.
  ///   - name: the tensor, for messages.
  func stored(
    _ base: UnsafeRawPointer, shape: [Int], owner: any AnyObject & Sendable, name: String
  ) throws -> StoredTensor {
    let count = shape.reduce(1, *)
    switch self {
    case .float32: return StoredTensor(base: base, dtype: .float32, shape: shape, owner: owner)
    case .float16: return StoredTensor(base: base, dtype: .float16, shape: shape, owner: owner)
    case .bfloat16: return StoredTensor(base: base, dtype: .bfloat16, shape: shape, owner: owner)
    case .float64:
      let values = (0..<count).map { Float(base.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)) }
      return StoredTensor(values, shape: shape)
    case .int64: return Self.widened(base, count, shape, Int64.self)
    case .int32: return Self.widened(base, count, shape, Int32.self)
    case .int16: return Self.widened(base, count, shape, Int16.self)
    case .int8: return Self.widened(base, count, shape, Int8.self)
    case .uint64: return Self.widened(base, count, shape, UInt64.self)
    case .uint32: return Self.widened(base, count, shape, UInt32.self)
    case .uint16: return Self.widened(base, count, shape, UInt16.self)
    case .uint8, .bool: return Self.widened(base, count, shape, UInt8.self)
    case .float8E4M3, .float8E5M2:
      throw CheckpointError(
        .badData,
        "tensor \(name) has 8-bit floats (\(rawValue)), expected float32, float16 or bfloat16. "
          + "Save the checkpoint in one of these.")
    }
  }

  private static func widened<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ base: UnsafeRawPointer, _ count: Int, _ shape: [Int], _ type: Integer.Type
  ) -> StoredTensor {
    let size = MemoryLayout<Integer>.size
    return StoredTensor(
      (0..<count).map { Float(base.loadUnaligned(fromByteOffset: $0 * size, as: type)) }, shape: shape)
  }
}

/// The product of a shape, or nil if it is negative somewhere or beyond what memory can address.
func elementCount(_ shape: [Int]) -> Int? {
  var count = 1
  for length in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: length)
    guard length >= 0, !overflow, product < 1 << 48 else { return nil }
    count = product
  }
  return count
}
