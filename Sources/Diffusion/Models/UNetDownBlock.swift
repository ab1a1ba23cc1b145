import Layers
import Tensors

/// Layers at one size, then a halving (diffusers' `CrossAttnDownBlock3D`, `CrossAttnDownBlockMotion`; without attention
/// `DownBlock3D`, `DownBlockMotion`).
struct UNetDownBlock: Sendable {
  let layers: [UNetLayer]
  let downsampler: Downsample2D?
  /// 0 for the largest picture.
  let level: Int

  /// - Parameter inputs: channels that come from the block before
  init(
    _ scope: UNetScope, _ inputs: Int, level: Int, downsamples: Bool, _ configuration: UNetConfiguration
  ) throws {
    self.level = level
    let channels = configuration.blockOutChannels[level]
    let attention = configuration.downAttention[level]
    layers = try (0..<configuration.layersPerBlock).map { j in
      try UNetLayer(
        scope, j, j == 0 ? inputs : channels, level: level, attention: attention,
        overTime: attention || configuration.motion != nil, configuration)
    }
    downsampler =
      downsamples
      ? try Downsample2D(scope.weights["downsamplers"][0], channels, padding: configuration.downsamplePadding) : nil
  }

  /// - Parameters:
  ///   - x: (B, F, H, W, I)
  ///   - skips: takes what the up blocks read: the output of each layer and of the halving
  /// - Returns: (B, F, H', W', O)
  func callAsFunction(
    _ x: Tensor, _ skips: inout [Tensor], _ conditions: UNetConditions, _ context: Context
  ) throws -> Tensor {
    var h = x
    let highway = context.adapters.highway.flatMap { $0.levels.contains(level) ? $0 : nil }
    for layer in layers {
      let appearance: Tensor
      (h, appearance) = try layer.withAppearance(h, conditions, context)
      skips.append(highway.map { $0.skip(appearance) } ?? h)
    }
    if let downsampler {
      h = downsampler(h)
      skips.append(h)
    }
    return h
  }
}
