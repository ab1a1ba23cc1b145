import Kernels

/// A dense, row-major, immutable array of float32 values (weights may rest in half precision).
///
/// A tensor is a value. Copies share their memory, views along the first axes cost nothing, and memory goes back to a
/// pool with the last reference. A tensor that something learnable flowed into carries a gradient node; without one,
/// nothing is recorded and inference is the same code with no tape.
public struct Tensor: Sendable {
  /// Length of each axis; empty for a scalar.
  public let shape: [Int]
  /// How the elements are stored.
  public let dtype: DType
  private(set) var storage: Storage
  /// First element, counted in elements.
  let offset: Int
  /// nil: nobody will ever ask for this gradient.
  var node: Node?

  init(storage: Storage, shape: [Int], dtype: DType = .float32, offset: Int = 0, node: Node? = nil) {
    self.storage = storage
    self.shape = shape
    self.dtype = dtype
    self.offset = offset
    self.node = node
  }

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Number of axes.
  public var rank: Int { shape.count }
  /// Whether gradients flow to or through this tensor.
  public var requiresGradient: Bool { node != nil }
}

// MARK: - Making tensors

extension Tensor {
  /// A tensor whose elements `fill` writes, all of them.
  public init(
    uninitialized shape: [Int], _ fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    let count = shape.reduce(1, *)
    let storage = Storage(bytes: count * 4)
    try fill(UnsafeMutableBufferPointer(start: storage.base.assumingMemoryBound(to: Float.self), count: count))
    self.init(storage: storage, shape: shape)
  }

  /// The same for kernels, which take plain pointers.
  init(_ shape: [Int], _ fill: (UnsafeMutablePointer<Float>) -> Void) {
    let storage = Storage(bytes: shape.reduce(1, *) * 4)
    fill(storage.base.assumingMemoryBound(to: Float.self))
    self.init(storage: storage, shape: shape)
  }

  /// Copies `values`, whose count is that of `shape`.
  public init(_ values: [Float], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values for shape \(shape)")
    self.init(uninitialized: shape) { buffer in _ = buffer.initialize(from: values) }
  }

  /// A scalar, shape [].
  public init(_ value: Float) {
    self.init([value], shape: [])
  }

  /// Read-only memory elsewhere, such as a mapped checkpoint, without a copy.
  ///
  /// - Parameters:
  ///   - mapped: the first element, aligned to the element's size, valid as long as `owner` lives.
  public init(mapped: UnsafeRawPointer, dtype: DType, shape: [Int], owner: any AnyObject & Sendable) {
    self.init(storage: Storage(mapped: mapped, owner: owner), shape: shape, dtype: dtype)
  }

  /// All elements 0.
  public static func zeros(_ shape: [Int]) -> Tensor { filled(shape, 0) }

  /// All elements `value`.
  public static func filled(_ shape: [Int], _ value: Float) -> Tensor {
    Tensor(uninitialized: shape) { $0.initialize(repeating: value) }
  }
}

// MARK: - Reading tensors

extension Tensor {
  /// First element, for kernels. The storage outlives the call because `self` does: use within `withExtendedLifetime`
  /// or while the tensor is otherwise held.
  var pointer: UnsafePointer<Float> {
    precondition(dtype == .float32, "float32 expected, found \(dtype)")
    return UnsafePointer(storage.base.assumingMemoryBound(to: Float.self) + offset)
  }

  /// The elements, valid within `body`. float32 only.
  public func withUnsafeBufferPointer<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) { try body(UnsafeBufferPointer(start: pointer, count: count)) }
  }

  /// The stored bytes of any element type, valid within `body`.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(start: storage.base + offset * dtype.size, count: count * dtype.size))
    }
  }

  /// A copy of the elements, widened to float32.
  public func toArray() -> [Float] {
    widened().withUnsafeBufferPointer { Array($0) }
  }

  /// The only element.
  public var item: Float {
    precondition(count == 1, "item of a tensor with shape \(shape)")
    return withUnsafeBufferPointer { $0[0] }
  }

  /// This tensor in float32: itself, or a copy of a half-precision weight.
  public func widened() -> Tensor {
    guard dtype != .float32 else { return self }
    return withUnsafeBytes { bytes in
      Tensor(shape) { target in
        guard let source = bytes.baseAddress else { return }
        Elementwise.widen(
          source.assumingMemoryBound(to: UInt16.self), brain: dtype == .bfloat16, target, count: count)
      }
    }
  }

  /// Whether no other tensor shares this memory.
  mutating func ownsStorage() -> Bool { isKnownUniquelyReferenced(&storage) }

  /// The same elements in memory of their own.
  public func copied() -> Tensor {
    withUnsafeBytes { bytes in
      let copy = Storage(bytes: bytes.count)
      if let source = bytes.baseAddress { Movement.copyBytes(bytes.count, from: source, to: copy.base) }
      return Tensor(storage: copy, shape: shape, dtype: dtype)
    }
  }
}

// MARK: - Leaves

extension Tensor {
  /// The same elements without a gradient node.
  public func detached() -> Tensor {
    Tensor(storage: storage, shape: shape, dtype: dtype, offset: offset)
  }

  /// A leaf to learn: memory of its own, gradient wanted.
  public func asParameter() -> Tensor {
    var leaf = widened().copied()
    leaf.node = Node()
    return leaf
  }

  /// Overwrites a leaf's elements, for optimizers: the one place where a tensor's memory changes. Every model that holds
  /// the leaf sees the new values.
  public func updateInPlace(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    precondition(node?.isLeaf == true && offset == 0, "only a parameter is updated in place")
    withExtendedLifetime(storage) {
      body(UnsafeMutableBufferPointer(start: storage.base.assumingMemoryBound(to: Float.self), count: count))
    }
  }
}

extension Tensor: CustomStringConvertible {
  /// Shape, element type and the first elements.
  public var description: String {
    let head = sliceOfElements(8).map { "\($0)" }.joined(separator: ", ")
    return "Tensor(\(shape), \(dtype): \(head)\(count > 8 ? ", ..." : ""))"
  }

  private func sliceOfElements(_ limit: Int) -> [Float] {
    let head = Tensor(storage: storage, shape: [min(limit, count)], dtype: dtype, offset: offset)
    return head.toArray()
  }
}
