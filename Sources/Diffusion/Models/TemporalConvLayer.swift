import Layers
import Tensors

/// Four convolutions over time in a residual (diffusers' `TemporalConvLayer`): a block that starts as the
/// identity.
///
/// x + conv4(conv3(conv2(conv1 x))), each GroupNorm over the whole clip -> SiLU -> (dropout) -> Conv3d (3, 1,
/// 1).
struct TemporalConvLayer: Sendable {
  let layers: [(norm: GroupNorm, conv: TemporalConv)]

  init(_ scope: WeightScope, _ channels: Int, groups: Int) throws {
    layers = try (1...4).map { i in
      let layer = scope["conv\(i)"]
      // From the second on a dropout, which holds no weights, shifts the index.
      let conv = layer[i == 1 ? 2 : 3]
      return (
        norm: try GroupNorm(layer[0], channels, groups: groups, epsilon: 1e-5),
        conv: try TemporalConv(conv, channels, initializer: i == 4 ? .zeros : .fanIn)
      )
    }
  }

  /// - Parameter x: (B, F, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor) -> Tensor {
    let clip = x.reshaped([x.shape[0], x.shape[1], -1, x.shape[4]])
    let h = layers.reduce(clip) { h, layer in layer.conv(layer.norm(h, silu: true)) }
    return x + h.reshaped(x.shape)
  }
}
