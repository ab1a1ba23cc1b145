public import Checkpoints

/// Sizes of a `CLIPTextModel`, from `text_encoder/config.json`.
public struct CLIPTextConfiguration: Sendable, Equatable {
  /// The MLP's activation.
  public enum Activation: String, Sendable, CaseIterable {
    /// x Φ(x), exact.
    case gelu
    /// x σ(1.702 x).
    case quickGelu = "quick_gelu"
  }

  /// Number of token ids.
  public var vocabularySize: Int
  /// Width of the tokens.
  public var hiddenSize: Int
  /// Width inside the MLP.
  public var intermediateSize: Int
  /// Number of layers.
  public var layers: Int
  /// Attention heads.
  public var heads: Int
  /// Longest prompt, in tokens.
  public var maxPositions: Int
  /// The MLP's activation.
  public var activation: Activation
  /// Epsilon of every layer norm.
  public var normEpsilon: Float

  /// Reads transformers' keys, with its defaults.
  ///
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  public init(_ json: Configuration) throws {
    vocabularySize = try json.int("vocab_size", default: 49408)
    hiddenSize = try json.int("hidden_size", default: 512)
    intermediateSize = try json.int("intermediate_size", default: 2048)
    layers = try json.int("num_hidden_layers", in: 1...1024, default: 12)
    heads = try json.int("num_attention_heads", default: 8)
    maxPositions = try json.int("max_position_embeddings", default: 77)
    let name = try json.string(
      "hidden_act", among: Activation.allCases.map(\.rawValue), default: Activation.quickGelu.rawValue)
    activation = Activation(rawValue: name) ?? .quickGelu
    normEpsilon = Float(try json.double("layer_norm_eps", default: 1e-5))
    guard hiddenSize % heads == 0 else {
      throw json.error("num_attention_heads", expected: "a divisor of hidden_size \(hiddenSize)")
    }
  }
}
