public import Layers

/// AnimateDiff (Guo et al. 2024; diffusers' `UNetMotionModel`): Stable Diffusion's UNet of pictures, with a motion module
/// behind each of its layers.
///
/// Each layer: ResNet -> transformer on each frame, where the block has attention -> motion module, a transformer over the
/// frames of each pixel that knows their order from a position code.
public struct UNetMotionModel: VideoUNet {
  /// See ``VideoUNet/blocks``.
  public let blocks: UNetBlocks

  /// - Parameters:
  ///   - weights: those of the picture model; of both where a checkpoint holds them together
  ///   - motion: those of the motion adapter
  ///   - configuration: with `motion`
  public init(_ weights: WeightScope, motion: WeightScope, _ configuration: UNetConfiguration) throws {
    blocks = try UNetBlocks(UNetScope(weights, motion: motion), configuration)
  }
}
