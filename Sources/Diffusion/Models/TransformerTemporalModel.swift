import Layers
import Tensors

/// A transformer over the frames of each pixel (diffusers' `TransformerTemporalModel`, and with a position code
/// `AnimateDiffTransformer3D`).
///
/// GroupNorm over the whole clip -> Linear -> one block of two temporal self-attentions -> Linear -> + x.
/// Without a position code the order of frames is known only through the temporal convolutions.
struct TransformerTemporalModel: Sendable {
  let norm: GroupNorm
  let projectionIn: Linear
  let block: TemporalTransformerBlock
  let projectionOut: Linear
  let normalizesEachFrame: Bool

  /// - Parameters:
  ///   - heads: the inner width, heads · headWidth, may differ from `channels`
  ///   - maximumFrames: length of the position code; nil for none
  ///   - normalizesEachFrame: whether the group norm's statistics are a frame's rather than the clip's
  init(
    _ scope: WeightScope, _ channels: Int, heads: Int, headWidth: Int, groups: Int, maximumFrames: Int? = nil,
    normalizesEachFrame: Bool = false
  ) throws {
    let inner = heads * headWidth
    norm = try GroupNorm(scope["norm"], channels, groups: groups, epsilon: 1e-6)
    projectionIn = try Linear(scope["proj_in"], channels, inner)
    block = try TemporalTransformerBlock(
      scope["transformer_blocks"][0], heads: heads, headWidth: headWidth, maximumFrames: maximumFrames)
    self.normalizesEachFrame = normalizesEachFrame
    projectionOut = try Linear(scope["proj_out"], inner, channels)
  }

  /// - Parameter x: (B, F, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
    let (batch, frames, channels) = (x.shape[0], x.shape[1], x.shape[4])
    let normalised = norm(x.reshaped([normalizesEachFrame ? batch * frames : batch, -1, channels]))
    let h = block(projectionIn(normalised, context).reshaped([batch, frames, -1, block.channels]), context)
    return projectionOut(h, adding: x.reshaped([batch, frames, -1, channels]), context).reshaped(x.shape)
  }
}

/// Two temporal self-attentions and a feed-forward, each on its LayerNorm (diffusers' `BasicTransformerBlock`
/// with `double_self_attention`): the site of a motion embedding (Motion Inversion, eq. 3).
struct TemporalTransformerBlock: Sendable {
  let path: String
  let channels: Int
  let positions: SinusoidalPositionalEmbedding?
  let norm1, norm2, norm3: LayerNorm
  let attention1, attention2: TemporalAttention
  let feedForward: FeedForward

  init(_ scope: WeightScope, heads: Int, headWidth: Int, maximumFrames: Int?) throws {
    path = scope.path
    channels = heads * headWidth
    let width = channels
    positions = try maximumFrames.map {
      try SinusoidalPositionalEmbedding(scope["pos_embed"], width, maximumLength: $0)
    }
    norm1 = try LayerNorm(scope["norm1"], channels)
    attention1 = try TemporalAttention(scope["attn1"], heads: heads, headWidth: headWidth)
    norm2 = try LayerNorm(scope["norm2"], channels)
    attention2 = try TemporalAttention(scope["attn2"], heads: heads, headWidth: headWidth)
    norm3 = try LayerNorm(scope["norm3"], channels)
    feedForward = try FeedForward(scope["ff"], channels)
  }

  /// - Parameter x: (B, F, H·W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
    let motion = context.adapters.motion[path]
    let places = positions?(x.shape[1])
    func placed(_ x: Tensor) -> Tensor { places.map { x + $0 } ?? x }
    var x = x
    x = attention1(placed(norm1(x)), queryKey: motion?.queryKey, value: motion?.value1, adding: x, context)
    x = attention2(placed(norm2(x)), queryKey: motion?.queryKey, value: motion?.value2, adding: x, context)
    return feedForward(norm3(x), adding: x, context)
  }
}
