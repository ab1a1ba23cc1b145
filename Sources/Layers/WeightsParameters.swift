import Synchronization
public import Tensors

/// Random initialisation: makes each tensor it is asked for. The same seed and the same order of requests give the
/// same weights.
public final class RandomWeights: WeightSource {
  private let generator: Mutex<TorchGenerator>

  /// - Parameter seed: of the generator that all tensors are drawn from, in the order of requests.
  public init(seed: UInt64) { generator = Mutex(TorchGenerator(seed: seed)) }

  /// Keys of this source; see ``WeightSource/names``.
  public var names: [String] { [] }

  /// See ``WeightSource/creates``.
  public var creates: Bool { true }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? { nil }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    // Drawn in checkpoint order, so that a layout does not change the weights of a seed.
    let count = shape.reduce(1, *)
    let values: [Float]
    switch initializer {
    case .zeros: values = Array(repeating: 0, count: count)
    case .ones: values = Array(repeating: 1, count: count)
    case .normal(let deviation):
      values = generator.withLock { $0.randn([count]).toArray() }.map { $0 * deviation }
    case .fanIn:
      let bound = 1 / Float(max(fanIn, 1)).squareRoot()
      values = generator.withLock { generator in
        (0..<count).map { _ in (2 * generator.uniform() - 1) * bound }
      }
    }
    return StoredTensor(values, shape: shape).laidOut(layout, as: shape)
  }
}

/// A source that falls back on another where a key is absent or of another shape: training that restarts from a
/// checkpoint of a smaller or older model. It is deliberately not strict.
public struct WarmStart: WeightSource {
  private let base: any WeightSource
  private let fallback: any WeightSource

  /// - Parameters:
  ///   - base: asked first, usually a checkpoint.
  ///   - fallback: asked for the rest, usually ``RandomWeights``.
  public init(_ base: any WeightSource, otherwise fallback: any WeightSource) {
    self.base = base
    self.fallback = fallback
  }

  /// Keys of this source; see ``WeightSource/names``.
  public var names: [String] { [] }

  /// See ``WeightSource/creates``.
  public var creates: Bool { fallback.creates }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? { nil }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    let fits = base.shape(of: name).map { layout.accepts($0, as: shape) } ?? false
    let source = fits ? base : fallback
    return try source.tensor(name, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
  }
}

/// Trainable parameters: hands out each tensor of another source as a gradient leaf and remembers it by name.
///
/// A model constructed from a store shares its leaves, so an optimiser that updates ``parameters`` trains the model.
public final class ParameterStore: WeightSource {
  /// One trainable leaf.
  public struct Parameter: Sendable {
    /// The checkpoint's key.
    public let name: String
    /// Shape in checkpoint order.
    public let shape: [Int]
    /// How `tensor` is laid out.
    public let layout: WeightLayout
    /// The leaf, laid out for the engine, float32.
    public let tensor: Tensor
  }

  private struct Contents {
    var parameters: [Parameter] = []
    var index: [String: Int] = [:]
  }

  private let base: any WeightSource
  private let contents = Mutex(Contents())

  /// - Parameter base: gives the initial values: ``RandomWeights``, a checkpoint, or a ``WarmStart`` of both.
  public init(_ base: any WeightSource) { self.base = base }

  /// Keys of this source; see ``WeightSource/names``.
  public var names: [String] { base.names }

  /// See ``WeightSource/creates``.
  public var creates: Bool { base.creates }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? { base.shape(of: name) }

  /// All leaves, in the order in which the model asked for them.
  public var parameters: [Parameter] { contents.withLock { $0.parameters } }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    if let known = contents.withLock({ store in store.index[name].map { store.parameters[$0].tensor } }) {
      return known
    }
    let initial = try base.tensor(
      name, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
    let leaf = initial.widened().asParameter()
    contents.withLock {
      $0.index[name] = $0.parameters.count
      $0.parameters.append(Parameter(name: name, shape: shape, layout: layout, tensor: leaf))
    }
    return leaf
  }

  /// Every parameter in checkpoint order and shape, ready to be saved.
  public func exported() -> [(name: String, tensor: Tensor)] {
    parameters.map { ($0.name, $0.layout.checkpointOrder($0.tensor, shape: $0.shape)) }
  }
}
