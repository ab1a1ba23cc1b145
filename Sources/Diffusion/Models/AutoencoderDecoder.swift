import Layers
import Tensors

/// Latents to pictures (diffusers' `Decoder`).
///
/// conv_in -> mid block -> blocks that double -> GroupNorm, SiLU, conv_out.
struct AutoencoderDecoder: Sendable {
  let convIn: Conv2d
  let midBlock: AutoencoderMidBlock
  let blocks: [Block]
  let normOut: GroupNorm
  let convOut: Conv2d

  /// Residual blocks at one size, then a doubling (diffusers' `UpDecoderBlock2D`).
  struct Block: Sendable {
    let resnets: [ResnetBlock2D]
    let upsampler: Upsample2D?
  }

  init(_ scope: WeightScope, _ configuration: AutoencoderKLConfiguration) throws {
    let channels = Array(configuration.blockOutChannels.reversed())
    let last = channels.count - 1
    convIn = try Conv2d(scope["conv_in"], configuration.latentChannels, channels[0])
    midBlock = try AutoencoderMidBlock(scope["mid_block"], channels[0], configuration)
    blocks = try channels.indices.map { i in
      let block = scope["up_blocks"][i]
      let inputs = channels[max(i - 1, 0)]
      return Block(
        resnets: try (0...configuration.layersPerBlock).map { j in
          try ResnetBlock2D(
            block["resnets"][j], j == 0 ? inputs : channels[i], channels[i], groups: configuration.normGroups,
            epsilon: 1e-6)
        },
        upsampler: i < last ? try Upsample2D(block["upsamplers"][0], channels[i]) : nil)
    }
    normOut = try GroupNorm(
      scope["conv_norm_out"], channels[last], groups: configuration.normGroups, epsilon: 1e-6)
    convOut = try Conv2d(scope["conv_out"], channels[last], configuration.outChannels)
  }

  /// - Parameter x: (N, h, w, latent channels)
  /// - Returns: (N, H, W, 3)
  func callAsFunction(_ x: Tensor, _ context: Context) throws -> Tensor {
    var h = try midBlock(convIn(x), context)
    for block in blocks {
      for resnet in block.resnets { h = try context.block(h) { resnet($0, context) } }
      h = block.upsampler?(h) ?? h
    }
    return convOut(normOut(h, silu: true))
  }
}
