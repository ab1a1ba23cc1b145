public import Layers
public import Tensors

/// The text encoder (Radford et al. 2021; transformers' `CLIPTextModel`): a causal transformer, norms before
/// layers.
///
/// Token + position embeddings -> layers of (x + attention(norm x), x + MLP(norm x)) -> final LayerNorm.
/// ZeroScope's has its last layer cut off in the checkpoint and uses gelu; Stable Diffusion 1.5's uses
/// quick_gelu.
public struct CLIPTextModel: Sendable {
  /// What was read from `text_encoder/config.json`.
  public let configuration: CLIPTextConfiguration
  let tokenEmbedding: Embedding
  let positionEmbedding: Embedding
  let layers: [CLIPEncoderLayer]
  let finalNorm: LayerNorm

  /// Reads the weights by transformers' names, with or without the older prefix `text_model`.
  public init(_ weights: WeightScope, _ configuration: CLIPTextConfiguration) throws {
    self.configuration = configuration
    let prefixed = weights["text_model"]
    let scope = prefixed.has("embeddings.token_embedding.weight") ? prefixed : weights
    let width = configuration.hiddenSize
    tokenEmbedding = try Embedding(
      scope["embeddings"]["token_embedding"], configuration.vocabularySize, width, initializer: .normal(0.02))
    positionEmbedding = try Embedding(
      scope["embeddings"]["position_embedding"], configuration.maxPositions, width,
      initializer: .normal(0.02))
    layers = try (0..<configuration.layers).map {
      try CLIPEncoderLayer(scope["encoder"]["layers"][$0], configuration)
    }
    finalNorm = try LayerNorm(scope["final_layer_norm"], width, epsilon: configuration.normEpsilon)
  }

  /// Encodes prompts of equal length.
  ///
  /// - Parameter tokens: M rows of L ids below the vocabulary's size, L at most the number of positions
  /// - Returns: the last hidden state after the final norm, (M, L, hidden size)
  public func callAsFunction(_ tokens: [[Int]], _ context: Context = Context()) throws -> Tensor {
    let length = tokens.first?.count ?? 0
    guard length > 0, length <= configuration.maxPositions, tokens.allSatisfy({ $0.count == length }) else {
      throw ModelInputError(
        "token rows", found: tokens.map(\.count),
        expected: "equal lengths of 1 to \(configuration.maxPositions)")
    }
    let ids = tokens.flatMap { $0 }
    if let wrong = ids.first(where: { !(0..<configuration.vocabularySize).contains($0) }) {
      throw ModelInputError(
        "token", found: [wrong],
        expected: "an id below \(configuration.vocabularySize); does the tokenizer belong to this model?")
    }
    let embedded = tokenEmbedding(ids).reshaped([tokens.count, length, configuration.hiddenSize])
    var h = embedded + positionEmbedding(Array(0..<length))
    for layer in layers { h = try context.block(h) { layer($0, context) } }
    return finalNorm(h)
  }
}
