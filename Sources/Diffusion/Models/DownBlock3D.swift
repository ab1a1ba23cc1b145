import Layers
import Tensors

/// Layers at one size, then a halving (diffusers' `DownBlock3D`, and `CrossAttnDownBlock3D` with attention).
struct DownBlock3D: Sendable {
  let layers: [UNet3DLayer]
  let downsampler: Downsample2D?

  init(
    _ scope: WeightScope, _ inputs: Int, _ outputs: Int, attention: Bool, downsamples: Bool,
    _ configuration: UNet3DConfiguration
  ) throws {
    layers = try (0..<configuration.layersPerBlock).map { j in
      try UNet3DLayer(scope, j, j == 0 ? inputs : outputs, outputs, attention: attention, configuration)
    }
    downsampler =
      downsamples
      ? try Downsample2D(scope["downsamplers"][0], outputs, padding: configuration.downsamplePadding) : nil
  }

  /// - Parameters:
  ///   - x: (B, F, H, W, I)
  ///   - skips: takes what the up blocks read: the output of each layer and of the halving
  /// - Returns: (B, F, H', W', O)
  func callAsFunction(
    _ x: Tensor, _ skips: inout [Tensor], _ conditions: UNet3DConditions, _ context: Context
  ) throws -> Tensor {
    var h = x
    for layer in layers {
      h = try layer(h, conditions, context)
      skips.append(h)
    }
    if let downsampler {
      h = downsampler(h)
      skips.append(h)
    }
    return h
  }
}
