import Layers
import Tensors

/// The block at the smallest size (diffusers' `UNetMidBlock3DCrossAttn`).
///
/// ResNet and convolution over time, the two transformers, ResNet and convolution over time.
struct MidBlock3D: Sendable {
  let resnets: [ResnetBlock2D]
  let temporalConvs: [TemporalConvLayer]
  let attention: AttentionPair

  init(_ scope: WeightScope, _ channels: Int, _ configuration: UNet3DConfiguration) throws {
    resnets = try (0..<2).map {
      try ResnetBlock2D(
        scope["resnets"][$0], channels, channels, timeChannels: configuration.timeChannels,
        groups: configuration.normGroups, epsilon: configuration.normEpsilon,
        outputScale: configuration.midBlockScaleFactor)
    }
    temporalConvs = try (0..<2).map {
      try TemporalConvLayer(scope["temp_convs"][$0], channels, groups: configuration.normGroups)
    }
    attention = try AttentionPair(scope, 0, channels, configuration)
  }

  /// - Parameter x: (B, F, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, _ conditions: UNet3DConditions, _ context: Context) throws -> Tensor {
    var h = try context.block(x) { temporalConvs[0](resnets[0]($0, time: conditions.time, context)) }
    h = try attention(h, conditions, context)
    return try context.block(h) { temporalConvs[1](resnets[1]($0, time: conditions.time, context)) }
  }
}
