import Layers
import Tensors

/// One layer of a UNet of clips: ResNet on each frame, then what the model has of a convolution over time, a transformer
/// on each frame and one over time.
struct UNetLayer: Sendable {
  let resnet: ResnetBlock2D
  let temporalConv: TemporalConvLayer?
  let spatial: Transformer2DModel?
  let temporal: TransformerTemporalModel?

  /// Layer `index` of the block at `scope`, whose parts lie in `resnets`, `attentions`, and `temp_convs` and
  /// `temp_attentions` or `motion_modules`.
  ///
  /// - Parameters:
  ///   - level: of the block, 0 for the largest picture
  ///   - attention: whether there is a transformer on each frame
  ///   - overTime: whether there is one over time
  init(
    _ scope: UNetScope, _ index: Int, _ inputs: Int, level: Int, attention: Bool, overTime: Bool,
    outputScale: Float = 1, _ configuration: UNetConfiguration
  ) throws {
    let channels = configuration.blockOutChannels[level]
    let (groups, headWidth) = (configuration.normGroups, configuration.headWidths[level])
    resnet = try ResnetBlock2D(
      scope.weights["resnets"][index], inputs, channels, timeChannels: configuration.timeChannels, groups: groups,
      epsilon: configuration.normEpsilon, outputScale: outputScale)
    spatial =
      attention
      ? try Transformer2DModel(
        scope.weights["attentions"][index], channels, headWidth: headWidth,
        textChannels: configuration.crossAttentionChannels, groups: groups) : nil
    if let motion = configuration.motion {
      temporalConv = nil
      temporal =
        overTime
        ? try TransformerTemporalModel(
          scope.motion["motion_modules"][index], channels, heads: motion.heads, headWidth: channels / motion.heads,
          groups: groups, maximumFrames: motion.maximumFrames, normalizesEachFrame: motion.normalizesEachFrame) : nil
    } else {
      temporalConv = try TemporalConvLayer(scope.weights["temp_convs"][index], channels, groups: groups)
      temporal =
        overTime
        ? try TransformerTemporalModel(
          scope.weights["temp_attentions"][index], channels, heads: channels / headWidth, headWidth: headWidth,
          groups: groups) : nil
    }
  }

  /// The two layers at the smallest size: the first with attention, the second a ResNet only.
  static func midBlock(_ scope: UNetScope, _ configuration: UNetConfiguration) throws -> [UNetLayer] {
    let level = configuration.blockOutChannels.count - 1
    return try (0..<2).map { index in
      try UNetLayer(
        scope, index, configuration.blockOutChannels[level], level: level, attention: index == 0,
        overTime: index == 0 && configuration.motion?.hasMidBlock != false,
        outputScale: configuration.midBlockScaleFactor, configuration)
    }
  }

  /// - Parameter x: (B, F, H, W, I)
  /// - Returns: (B, F, H, W, O)
  func callAsFunction(_ x: Tensor, _ conditions: UNetConditions, _ context: Context) throws -> Tensor {
    try withAppearance(x, conditions, context).output
  }

  /// The output, and what it was before the transformer over time: the start of an appearance highway.
  func withAppearance(
    _ x: Tensor, _ conditions: UNetConditions, _ context: Context
  ) throws -> (output: Tensor, appearance: Tensor) {
    var h = try context.block(x) {
      let h = resnet($0, time: conditions.time, context)
      return context.isStill ? h : temporalConv?(h) ?? h
    }
    if let spatial { h = try context.block(h) { spatial($0, text: conditions.text, context) } }
    guard let temporal, !context.isStill else { return (h, h) }
    return (try context.block(h) { temporal($0, context) }, h)
  }
}

/// What every layer of a UNet is told.
struct UNetConditions: Sendable {
  /// silu of the time embedding, (B, E).
  let time: Tensor
  /// M prompts, B a multiple of M.
  let text: TextContext
}

/// A place in the checkpoint of a UNet, and the same place in that of its motion adapter: one checkpoint may hold both.
struct UNetScope {
  let weights: WeightScope
  let motion: WeightScope

  init(_ weights: WeightScope, motion: WeightScope? = nil) {
    self.weights = weights
    self.motion = motion ?? weights
  }

  subscript(_ key: String) -> UNetScope { UNetScope(weights[key], motion: motion[key]) }
  subscript(_ index: Int) -> UNetScope { self[String(index)] }
}
