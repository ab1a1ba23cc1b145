import Layers
import Tensors

/// Layers that read the skips of one size, then an enlargement (diffusers' `CrossAttnUpBlock3D`, `CrossAttnUpBlockMotion`;
/// without attention `UpBlock3D`, `UpBlockMotion`).
struct UNetUpBlock: Sendable {
  let layers: [UNetLayer]
  let upsampler: Upsample2D?

  /// - Parameters:
  ///   - inputs: channels that come from the block before
  ///   - level: 0 for the largest picture
  ///   - skip: channels of the last skip that this block reads, which comes from the next size up
  init(
    _ scope: UNetScope, _ inputs: Int, level: Int, skip: Int, upsamples: Bool, _ configuration: UNetConfiguration
  ) throws {
    let channels = configuration.blockOutChannels[level]
    let attention = configuration.upAttention[configuration.blockOutChannels.count - 1 - level]
    let count = configuration.layersPerBlock + 1
    layers = try (0..<count).map { j in
      let joined = (j == 0 ? inputs : channels) + (j == count - 1 ? skip : channels)
      return try UNetLayer(
        scope, j, joined, level: level, attention: attention, overTime: attention || configuration.motion != nil,
        configuration)
    }
    upsampler = upsamples ? try Upsample2D(scope.weights["upsamplers"][0], channels) : nil
  }

  /// - Parameters:
  ///   - x: (B, F, H, W, I)
  ///   - skips: gives its last ones, one for each layer; the enlargement goes to the size of the next
  /// - Returns: (B, F, H', W', O)
  func callAsFunction(
    _ x: Tensor, _ skips: inout [Tensor], _ conditions: UNetConditions, _ context: Context
  ) throws -> Tensor {
    var h = x
    for layer in layers {
      var skip = skips.removeLast()
      if let highway = context.adapters.highway, layer.spatial != nil {
        skip = highway.joined(skip, channels: h.shape[4])
      }
      h = try layer(Tensor.concatenated([h, skip], axis: 4), conditions, context)
    }
    guard let upsampler, let next = skips.last else { return h }
    return upsampler(h, to: (next.shape[2], next.shape[3]))
  }
}
