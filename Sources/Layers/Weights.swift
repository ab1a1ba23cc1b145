// Loading is construction: a layer's initialiser descends the checkpoint's own keys through a `WeightScope`.
// Strict both ways, and every problem is collected, so that one error tells the whole difference.
import Glibc
import Synchronization
public import Tensors

/// One load of one model from one source.
public final class Weights: Sendable {
  private struct Record {
    var requested: Set<String> = []
    var missing: [String] = []
    var misshapen: [WeightError.Misshapen] = []
    var bytes = 0
  }

  /// Ends of keys that older libraries saved and no model needs.
  public static let ignorableSuffixes = ["position_ids", "num_batches_tracked"]

  fileprivate let source: any WeightSource
  private let name: String
  private let ignoring: [String]
  private let record = Mutex(Record())

  /// - Parameters:
  ///   - source: where the tensors come from.
  ///   - name: for messages, usually the file's path.
  ///   - ignoring: ends of keys that may stay unused.
  public init(
    _ source: any WeightSource, name: String, ignoring: [String] = Weights.ignorableSuffixes
  ) {
    self.source = source
    self.name = name
    self.ignoring = ignoring
  }

  /// The scope of the whole checkpoint.
  public var root: WeightScope { WeightScope(weights: self, path: "") }

  /// Bytes of all tensors so far.
  public var byteCount: Int { record.withLock { $0.bytes } }

  /// Ends the load.
  /// - Throws: one ``WeightError`` listing the keys that are missing, left over or of another shape.
  public func finish() throws {
    if let problems { throw problems }
  }

  private var problems: WeightError? {
    let record = record.withLock { $0 }
    let unexpected = source.names.filter { name in
      !record.requested.contains(name) && !ignoring.contains { name.hasSuffix($0) }
    }
    if record.missing.isEmpty && record.misshapen.isEmpty && unexpected.isEmpty { return nil }
    return WeightError(
      file: name, missing: record.missing, unexpected: unexpected.sorted(), misshapen: record.misshapen)
  }

  /// The tensor of a key; a stand-in of the right shape when the key is wrong, so that the load goes on to `finish`.
  fileprivate func tensor(
    _ key: String, _ shape: [Int], _ layout: WeightLayout, _ initializer: Initializer, _ fanIn: Int
  ) throws -> Tensor {
    let found = source.shape(of: key)
    // A configuration may ask for anything; no machine holds such a tensor.
    guard Self.isPlausible(shape) else {
      throw WeightError(
        file: name, misshapen: [.init(name: key, found: found ?? [], expected: shape)])
    }
    if let found {
      let fits = layout.accepts(found, as: shape)
      record.withLock {
        $0.requested.insert(key)
        if !fits { $0.misshapen.append(.init(name: key, found: found, expected: shape)) }
      }
      guard fits else { return try standIn(layout.laidOutShape(shape)) }
    } else if !source.creates {
      record.withLock { $0.missing.append(key) }
      return try standIn(layout.laidOutShape(shape))
    }
    let tensor = try source.tensor(key, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
    record.withLock { $0.bytes += tensor.count * tensor.dtype.size }
    return tensor
  }

  private static func isPlausible(_ shape: [Int]) -> Bool {
    var count = 1
    for length in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard length > 0, !overflow, product < 1 << 40 else { return false }
      count = product
    }
    return true
  }

  private func standIn(_ shape: [Int]) throws -> Tensor {
    guard let pages = ZeroPages(byteCount: shape.reduce(4, *)) else {
      throw problems ?? WeightError(file: name)
    }
    return Tensor(mapped: pages.start, dtype: .float32, shape: shape, owner: pages)
  }
}

/// A place in the tree of a checkpoint's keys.
public struct WeightScope: Sendable {
  fileprivate let weights: Weights
  /// Dotted key of this place; empty at the root.
  public let path: String

  /// The place below, for example `scope["attn1"]` or `scope["to_out.0"]`.
  public subscript(_ key: String) -> WeightScope { WeightScope(weights: weights, path: join(key)) }

  /// The numbered place below, for example `scope["resnets"][0]`.
  public subscript(_ index: Int) -> WeightScope { self[String(index)] }

  /// Whether the source stores this key here; always false for sources that create.
  public func has(_ name: String) -> Bool { weights.source.shape(of: join(name)) != nil }

  /// The tensor with this name here.
  /// - Parameters:
  ///   - name: last part of the key, for example `weight`.
  ///   - shape: the checkpoint's shape, in torch's order.
  ///   - layout: how the engine wants it.
  ///   - initializer: how it starts when it is created.
  ///   - fanIn: inputs of one output; nil means the product of all axes but the first.
  /// - Throws: the source's error if its bytes cannot be read. Wrong keys are reported by ``Weights/finish()``.
  public func callAsFunction(
    _ name: String, _ shape: [Int], _ layout: WeightLayout = .plain, _ initializer: Initializer = .fanIn,
    fanIn: Int? = nil
  ) throws -> Tensor {
    // Saturating: an absurd shape is reported as such by the load.
    let product = shape.dropFirst().reduce(1) { product, length in
      let (next, overflow) = product.multipliedReportingOverflow(by: length)
      return overflow ? Int.max : next
    }
    let inputs = shape.count > 1 ? product : (shape.first ?? 1)
    return try weights.tensor(join(name), shape, layout, initializer, fanIn ?? inputs)
  }

  private func join(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// Zeros that occupy no memory until they are read: one page of the system's, mapped many times.
private final class ZeroPages: @unchecked Sendable {
  /// Unchecked: read only.
  let start: UnsafeRawPointer
  private let byteCount: Int

  init?(byteCount: Int) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let start = mmap(nil, byteCount, PROT_READ, flags, -1, 0), start != MAP_FAILED else { return nil }
    self.start = UnsafeRawPointer(start)
    self.byteCount = byteCount
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: start), byteCount) }
}
