import Layers
import Tensors

/// ResNet, self-attention where the configuration has it, ResNet (diffusers' `UNetMidBlock2D`).
struct AutoencoderMidBlock: Sendable {
  let resnets: [ResnetBlock2D]
  let attention: AutoencoderAttention?

  init(_ scope: WeightScope, _ channels: Int, _ configuration: AutoencoderKLConfiguration) throws {
    let groups = configuration.normGroups
    resnets = try (0..<2).map {
      try ResnetBlock2D(scope["resnets"][$0], channels, channels, groups: groups, epsilon: 1e-6)
    }
    attention =
      configuration.midBlockHasAttention
      ? try AutoencoderAttention(scope["attentions"][0], channels, groups: groups) : nil
  }

  /// - Parameter x: (N, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, _ context: Context) throws -> Tensor {
    var h = try context.block(x) { resnets[0]($0, context) }
    if let attention { h = try context.block(h) { attention($0, context) } }
    return try context.block(h) { resnets[1]($0, context) }
  }
}

/// Self-attention with one head among the pixels of a picture, and a residual (diffusers' `Attention` as its
/// autoencoders make it).
struct AutoencoderAttention: Sendable {
  let norm: GroupNorm
  let attention: Attention

  init(_ scope: WeightScope, _ channels: Int, groups: Int) throws {
    // Checkpoints from before diffusers 0.15 have the first set of names.
    let names =
      scope.has("query.weight")
      ? ["query", "key", "value", "proj_attn"] : ["to_q", "to_k", "to_v", "to_out.0"]
    norm = try GroupNorm(scope["group_norm"], channels, groups: groups, epsilon: 1e-6)
    let maps = try names.map { try Linear(scope[$0], channels, channels) }
    attention = Attention(
      path: scope.path, query: maps[0], key: maps[1], value: maps[2], output: maps[3], heads: 1)
  }

  /// - Parameter x: (N, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
    let tokens = x.reshaped([x.shape[0], -1, x.shape[3]])
    return attention(norm(tokens), adding: tokens, context).reshaped(x.shape)
  }
}
