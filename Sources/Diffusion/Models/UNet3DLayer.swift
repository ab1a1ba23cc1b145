import Layers
import Tensors

/// One layer of a 3-D block: ResNet on each frame, convolution over time and, where the block has attention,
/// a transformer on each frame and one over time.
struct UNet3DLayer: Sendable {
  let resnet: ResnetBlock2D
  let temporalConv: TemporalConvLayer
  let attention: AttentionPair?

  /// Layer `index` of the block at `scope`, whose parts lie in `resnets`, `temp_convs`, `attentions`,
  /// `temp_attentions`.
  init(
    _ scope: WeightScope, _ index: Int, _ inputs: Int, _ outputs: Int, attention: Bool,
    _ configuration: UNet3DConfiguration
  ) throws {
    resnet = try ResnetBlock2D(scope["resnets"][index], inputs, outputs, configuration)
    temporalConv = try TemporalConvLayer(
      scope["temp_convs"][index], outputs, groups: configuration.normGroups)
    self.attention = attention ? try AttentionPair(scope, index, outputs, configuration) : nil
  }

  /// - Parameter x: (B, F, H, W, I)
  /// - Returns: (B, F, H, W, O)
  func callAsFunction(_ x: Tensor, _ conditions: UNet3DConditions, _ context: Context) throws -> Tensor {
    var h = try context.block(x) { temporalConv(resnet($0, time: conditions.time, context)) }
    if let attention { h = try attention(h, conditions, context) }
    return h
  }
}

/// A transformer on each frame, then one over time.
struct AttentionPair: Sendable {
  let spatial: Transformer2DModel
  let temporal: TransformerTemporalModel

  init(_ scope: WeightScope, _ index: Int, _ channels: Int, _ configuration: UNet3DConfiguration) throws {
    let headWidth = configuration.attentionHeadWidth
    spatial = try Transformer2DModel(
      scope["attentions"][index], channels, headWidth: headWidth,
      textChannels: configuration.crossAttentionChannels, groups: configuration.normGroups)
    temporal = try TransformerTemporalModel(
      scope["temp_attentions"][index], channels, heads: channels / headWidth, headWidth: headWidth,
      groups: configuration.normGroups)
  }

  /// - Parameter x: (B, F, H, W, C)
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, _ conditions: UNet3DConditions, _ context: Context) throws -> Tensor {
    let h = try context.block(x) { spatial($0, text: conditions.text, context) }
    return try context.block(h) { temporal($0, context) }
  }
}

/// What every block of a UNet is told.
struct UNet3DConditions: Sendable {
  /// silu of the time embedding, (B, E).
  let time: Tensor
  /// M prompts, B a multiple of M.
  let text: TextContext
}

extension ResnetBlock2D {
  init(_ scope: WeightScope, _ inputs: Int, _ outputs: Int, _ configuration: UNet3DConfiguration) throws {
    try self.init(
      scope, inputs, outputs, timeChannels: configuration.timeChannels, groups: configuration.normGroups,
      epsilon: configuration.normEpsilon)
  }
}
