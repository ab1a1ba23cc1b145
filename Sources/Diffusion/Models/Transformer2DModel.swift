import Layers
import Tensors

/// A transformer over the pixels of each frame, with cross-attention to the prompt (diffusers'
/// `Transformer2DModel`).
///
/// GroupNorm per frame -> Linear -> one block -> Linear -> + x. Checkpoints made without
/// `use_linear_projection` hold the two projections as convolutions of kernel 1: the same products.
struct Transformer2DModel: Sendable {
  let norm: GroupNorm
  let projectionIn: Linear
  let block: SpatialTransformerBlock
  let projectionOut: Linear

  /// - Parameter headWidth: heads = channels / headWidth, rounded down
  init(_ scope: WeightScope, _ channels: Int, headWidth: Int, textChannels: Int, groups: Int) throws {
    let heads = channels / headWidth
    let inner = heads * headWidth
    norm = try GroupNorm(scope["norm"], channels, groups: groups, epsilon: 1e-6)
    projectionIn = try Linear(scope["proj_in"], channels, inner)
    block = try SpatialTransformerBlock(
      scope["transformer_blocks"][0], heads: heads, headWidth: headWidth, textChannels: textChannels)
    projectionOut = try Linear(scope["proj_out"], inner, channels)
  }

  /// - Parameter x: (B, F, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, text: TextContext, _ context: Context) -> Tensor {
    let frames = x.reshaped([x.shape[0] * x.shape[1], -1, x.shape[4]])
    let h = block(projectionIn(norm(frames), context), text: text, context)
    return projectionOut(h, adding: frames, context).reshaped(x.shape)
  }
}

/// Self-attention, cross-attention, feed-forward, each on its LayerNorm (diffusers' `BasicTransformerBlock`).
struct SpatialTransformerBlock: Sendable {
  let norm1, norm2, norm3: LayerNorm
  let selfAttention, textAttention: Attention
  let feedForward: FeedForward

  init(_ scope: WeightScope, heads: Int, headWidth: Int, textChannels: Int) throws {
    let channels = heads * headWidth
    norm1 = try LayerNorm(scope["norm1"], channels)
    selfAttention = try Attention(scope["attn1"], channels: channels, heads: heads, headWidth: headWidth)
    norm2 = try LayerNorm(scope["norm2"], channels)
    textAttention = try Attention(
      scope["attn2"], channels: channels, textChannels: textChannels, heads: heads, headWidth: headWidth)
    norm3 = try LayerNorm(scope["norm3"], channels)
    feedForward = try FeedForward(scope["ff"], channels)
  }

  /// - Parameter x: (B·F, H·W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, text: TextContext, _ context: Context) -> Tensor {
    var x = x
    x = selfAttention(norm1(x), adding: x, context)
    x = textAttention(norm2(x), text: text, adding: x, context)
    return feedForward(norm3(x), adding: x, context)
  }
}
