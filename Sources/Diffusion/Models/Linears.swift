public import Layers

extension VideoUNet {
  /// Every `Linear` of the temporal transformers, in the order of diffusers' `named_modules`: `transformer_in`, down, up
  /// and mid blocks.
  public var temporalLinears: [Linear] {
    (blocks.transformerIn?.linears ?? []) + blocks.layers.flatMap { $0.temporal?.linears ?? [] }
  }

  /// Every `Linear` of the spatial transformers, in the same order.
  public var spatialLinears: [Linear] { blocks.layers.flatMap { $0.spatial?.linears ?? [] } }
}

extension CLIPTextModel {
  /// Every `Linear` of the text encoder, in the same order.
  public var linears: [Linear] { layers.flatMap { $0.attention.linears + [$0.linear1, $0.linear2] } }
}

extension UNetBlocks {
  fileprivate var layers: [UNetLayer] { downBlocks.flatMap(\.layers) + upBlocks.flatMap(\.layers) + midBlock }
}

extension TransformerTemporalModel {
  fileprivate var linears: [Linear] {
    [projectionIn] + block.attention1.linears + block.attention2.linears + block.feedForward.linears + [projectionOut]
  }
}

extension Transformer2DModel {
  fileprivate var linears: [Linear] {
    [projectionIn] + block.selfAttention.linears + block.textAttention.linears + block.feedForward.linears
      + [projectionOut]
  }
}
