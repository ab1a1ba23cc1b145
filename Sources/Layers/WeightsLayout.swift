public import Tensors

/// How the engine wants a weight that a checkpoint stores in torch's order.
public enum WeightLayout: Sendable {
  /// As stored, widened to float32: biases, norms, embeddings.
  case plain
  /// (N, K) for a GEMM; half precision stays as stored.
  case matrix
  /// (O, I, kh, kw) -> (O, kh, kw, I) for channels-last activations; half precision stays as stored.
  case conv2d
  /// (O, I, 3, 1, 1) -> (3, O, I), one matrix per frame shift; half precision stays as stored.
  case temporalConv

  /// The shape after laying out a tensor of this checkpoint shape.
  public func laidOutShape(_ shape: [Int]) -> [Int] {
    switch self {
    case .plain:
      return shape
    case .matrix:
      precondition(shape.count >= 2, "a matrix has two axes")
      return [shape[0], shape.dropFirst().reduce(1, *)]
    case .conv2d:
      precondition(shape.count == 4, "a conv2d weight is (O, I, kh, kw)")
      return [shape[0], shape[2], shape[3], shape[1]]
    case .temporalConv:
      precondition(shape.count >= 3, "a temporal convolution is (O, I, k, 1, 1)")
      return [shape.dropFirst(2).reduce(1, *), shape[0], shape[1]]
    }
  }

  /// Whether a stored shape serves for an expected one: equal, or equal but for trailing axes of length 1, because
  /// checkpoints store the same projection as Linear (O, I) or as 1x1 convolution (O, I, 1, 1).
  public func accepts(_ found: [Int], as expected: [Int]) -> Bool {
    if found == expected { return true }
    if case .plain = self { return false }
    return Self.core(found) == Self.core(expected)
  }

  private static func core(_ shape: [Int]) -> [Int] {
    var shape = shape
    while shape.count > 2, shape.last == 1 { shape.removeLast() }
    return shape
  }

  /// The inverse for saving: from the engine's order back to a float32 tensor of the checkpoint's shape.
  public func checkpointOrder(_ tensor: Tensor, shape: [Int]) -> Tensor {
    let values = tensor.detached().widened()
    switch self {
    case .plain, .matrix: return values.reshaped(shape)
    case .conv2d: return values.permuted([0, 3, 1, 2]).reshaped(shape)
    case .temporalConv: return values.permuted([1, 2, 0]).reshaped(shape)
    }
  }
}

/// Bytes that the system reads again when they are needed, such as a mapped file's.
public protocol RereadableBytes {
  /// Lets the system take back the memory of `bytes`, which stay readable.
  func letGo(_ bytes: UnsafeRawBufferPointer)
}

/// A tensor as a checkpoint stores it: torch's axis order, contiguous, in the checkpoint's precision.
public struct StoredTensor: @unchecked Sendable {
  /// Shape in checkpoint order.
  public let shape: [Int]
  /// Precision of the stored elements.
  public let dtype: DType
  /// Unchecked: the bytes are never written after construction, and `owner` keeps them alive.
  private let base: UnsafeRawPointer
  private let owner: any AnyObject & Sendable

  /// Refers to bytes without copying them, unless they are misaligned for their type.
  /// - Parameters:
  ///   - base: first element; holds shape's product of elements of `dtype`.
  ///   - owner: kept alive as long as the bytes are in use.
  public init(base: UnsafeRawPointer, dtype: DType, shape: [Int], owner: any AnyObject & Sendable) {
    self.shape = shape
    self.dtype = dtype
    let size = dtype == .float32 ? 4 : 2
    if UInt(bitPattern: base) % UInt(size) == 0 {
      self.base = base
      self.owner = owner
    } else {
      let bytes = shape.reduce(size, *)
      let copy = HeapBytes(count: bytes)
      copy.start.copyMemory(from: base, byteCount: bytes)
      self.base = UnsafeRawPointer(copy.start)
      self.owner = copy
    }
  }

  /// Float32 values made in memory.
  public init(_ values: [Float], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "values and shape agree")
    let copy = HeapBytes(count: values.count * 4)
    values.withUnsafeBytes { source in
      if let first = source.baseAddress { copy.start.copyMemory(from: first, byteCount: source.count) }
    }
    self.init(base: UnsafeRawPointer(copy.start), dtype: .float32, shape: shape, owner: copy)
  }

  /// Lays the tensor out for the engine. Copies only where the order changes or `plain` widens.
  /// - Parameter expected: the model's idea of the checkpoint shape; `layout` accepts the stored one for it.
  public func laidOut(_ layout: WeightLayout, as expected: [Int]) -> Tensor {
    precondition(layout.accepts(shape, as: expected), "shapes were compared before")
    let result = layout.laidOutShape(expected)
    switch layout {
    case .plain:
      return Tensor(mapped: base, dtype: dtype, shape: result, owner: owner).widened()
    case .matrix:
      return Tensor(mapped: base, dtype: dtype, shape: result, owner: owner)
    case .conv2d where expected[2] * expected[3] == 1:
      return Tensor(mapped: base, dtype: dtype, shape: result, owner: owner)
    case .conv2d, .temporalConv:
      let tapsFirst = if case .temporalConv = layout { true } else { false }
      let taps = expected.dropFirst(2).reduce(1, *)
      let copy: HeapBytes
      switch dtype {
      case .float32:
        copy = reordered(UInt32.self, expected[0], expected[1], taps, tapsFirst: tapsFirst)
      case .float16, .bfloat16:
        copy = reordered(UInt16.self, expected[0], expected[1], taps, tapsFirst: tapsFirst)
      }
      // The copy is what is used from now on.
      let count = expected.reduce(dtype.size, *)
      (owner as? any RereadableBytes)?.letGo(UnsafeRawBufferPointer(start: base, count: count))
      return Tensor(mapped: UnsafeRawPointer(copy.start), dtype: dtype, shape: result, owner: copy)
    }
  }

  /// (O, I, taps) -> (O, taps, I), or (taps, O, I) if `tapsFirst`.
  private func reordered<Element: BitwiseCopyable>(
    _ type: Element.Type, _ outputs: Int, _ inputs: Int, _ taps: Int, tapsFirst: Bool
  ) -> HeapBytes {
    let copy = HeapBytes(count: outputs * inputs * taps * MemoryLayout<Element>.stride)
    let source = base.assumingMemoryBound(to: type)
    let target = copy.start.assumingMemoryBound(to: type)
    for output in 0..<outputs {
      for tap in 0..<taps {
        let from = source + output * inputs * taps + tap
        let to = target + (tapsFirst ? tap * outputs + output : output * taps + tap) * inputs
        for input in 0..<inputs { to[input] = from[input * taps] }
      }
    }
    return copy
  }
}

/// Bytes on the heap, aligned for any vector unit, freed with the last reference.
final class HeapBytes: @unchecked Sendable {
  /// Unchecked: written only before the object is shared.
  let start: UnsafeMutableRawPointer

  init(count: Int) { start = .allocate(byteCount: max(count, 1), alignment: 64) }

  deinit { start.deallocate() }
}
