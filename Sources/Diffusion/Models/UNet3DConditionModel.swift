public import Layers

/// ModelScope's and ZeroScope's text-to-video model (Wang et al. 2023; diffusers' `UNet3DConditionModel`).
///
/// Behind `conv_in` a temporal transformer; each layer: ResNet -> convolutions over time -> where the block has attention,
/// a transformer on each frame and one over the frames of each pixel.
public struct UNet3DConditionModel: VideoUNet {
  /// See ``VideoUNet/blocks``.
  public let blocks: UNetBlocks

  /// Reads the weights by diffusers' names; a training run passes parameters instead.
  public init(_ weights: WeightScope, _ configuration: UNetConfiguration) throws {
    blocks = try UNetBlocks(UNetScope(weights), configuration)
  }
}
