public import Tensors

/// How a weight starts when it is created rather than loaded.
public enum Initializer: Sendable {
  /// Uniform in ±1/sqrt(fanIn): torch's default for the weight and the bias of Linear and Conv layers.
  case fanIn
  /// All zeros: the last layer of a residual branch that must start as the identity.
  case zeros
  /// All ones: the scale of a normalisation.
  case ones
  /// Normal with mean 0 and the given standard deviation: embedding tables.
  case normal(Float)
}

/// Where tensors come from: a checkpoint file, a folder of shards, random initialisation, trainable parameters.
public protocol WeightSource: Sendable {
  /// All keys of the source; empty for a source that creates what it is asked for.
  var names: [String] { get }

  /// True for a source that makes the tensor it is asked for, so that no key can be missing.
  var creates: Bool { get }

  /// The shape of a stored tensor in checkpoint order, or nil if there is no such key.
  func shape(of name: String) -> [Int]?

  /// The tensor of a key, laid out for the engine.
  /// - Parameters:
  ///   - name: the checkpoint's key.
  ///   - shape: the expected shape in checkpoint order, for example (O, I, kh, kw).
  ///   - layout: how the engine wants it.
  ///   - initializer: used by sources that create.
  ///   - fanIn: number of inputs of one output of the layer, for ``Initializer/fanIn``.
  /// - Throws: ``WeightError`` if the key is missing or of another shape; the source's own error if it cannot be read.
  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor
}

extension WeightSource {
  /// False: most sources only hold what they hold.
  public var creates: Bool { false }
}

/// The part of a source under a key prefix, with the prefix taken off: one component inside a joint file.
public struct PrefixedSource: WeightSource {
  private let base: any WeightSource
  private let prefix: String

  /// - Parameters:
  ///   - base: the whole source.
  ///   - prefix: what the wanted keys start with, its final dot included.
  public init(_ base: any WeightSource, prefix: String) {
    self.base = base
    self.prefix = prefix
  }

  /// Keys of this source; see ``WeightSource/names``.
  public var names: [String] {
    base.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// See ``WeightSource/creates``.
  public var creates: Bool { base.creates }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? { base.shape(of: prefix + name) }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    try base.tensor(prefix + name, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
  }
}

/// A source whose keys are shown under other names, so that old checkpoints load as new ones.
public struct RenamedSource: WeightSource {
  private let base: any WeightSource
  /// Shown name -> stored name.
  private let stored: [String: String]
  /// Keys of this source; see ``WeightSource/names``.
  public let names: [String]

  /// - Parameters:
  ///   - base: the source with the stored names. A source that creates passes through unchanged.
  ///   - rename: the shown name of a stored one, or nil to hide it. A stored name that is already taken keeps its
  ///     own name, so that a strict load reports it.
  public init(_ base: any WeightSource, rename: (String) -> String?) {
    self.base = base
    var stored: [String: String] = [:]
    var shown: [String] = []
    for name in base.names {
      guard var new = rename(name) else { continue }
      if stored[new] != nil { new = name }
      guard stored.updateValue(name, forKey: new) == nil else { continue }
      shown.append(new)
    }
    self.stored = stored
    self.names = shown
  }

  /// See ``WeightSource/creates``.
  public var creates: Bool { base.creates }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? {
    if creates { return base.shape(of: name) }
    return stored[name].flatMap { base.shape(of: $0) }
  }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    let key = stored[name] ?? name
    return try base.tensor(key, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
  }

  /// Names of the attention in autoencoders saved before diffusers 0.18, as today's:
  /// query, key, value, proj_attn -> to_q, to_k, to_v, to_out.0.
  public static func currentAttentionName(_ name: String) -> String {
    let table = [
      ("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0"),
    ]
    for (old, new) in table {
      for parameter in ["weight", "bias"] where name.hasSuffix(".\(old).\(parameter)") {
        return String(name.dropLast(old.count + parameter.count + 1)) + "\(new).\(parameter)"
      }
    }
    return name
  }
}
