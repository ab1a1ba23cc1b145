import Layers
import Tensors

/// Pictures to the moments of latents (diffusers' `Encoder`).
///
/// conv_in -> blocks that halve -> mid block -> GroupNorm, SiLU, conv_out.
struct AutoencoderEncoder: Sendable {
  let convIn: Conv2d
  let blocks: [Block]
  let midBlock: AutoencoderMidBlock
  let normOut: GroupNorm
  let convOut: Conv2d

  /// Residual blocks at one size, then a halving (diffusers' `DownEncoderBlock2D`).
  struct Block: Sendable {
    let resnets: [ResnetBlock2D]
    let downsampler: Downsample2D?
  }

  init(_ scope: WeightScope, _ configuration: AutoencoderKLConfiguration) throws {
    let channels = configuration.blockOutChannels
    let last = channels.count - 1
    convIn = try Conv2d(scope["conv_in"], configuration.inChannels, channels[0])
    blocks = try channels.indices.map { i in
      let block = scope["down_blocks"][i]
      let inputs = channels[max(i - 1, 0)]
      return Block(
        resnets: try (0..<configuration.layersPerBlock).map { j in
          try ResnetBlock2D(
            block["resnets"][j], j == 0 ? inputs : channels[i], channels[i], groups: configuration.normGroups,
            epsilon: 1e-6)
        },
        downsampler: i < last ? try Downsample2D(block["downsamplers"][0], channels[i], padding: 0) : nil)
    }
    midBlock = try AutoencoderMidBlock(scope["mid_block"], channels[last], configuration)
    normOut = try GroupNorm(
      scope["conv_norm_out"], channels[last], groups: configuration.normGroups, epsilon: 1e-6)
    convOut = try Conv2d(scope["conv_out"], channels[last], 2 * configuration.latentChannels)
  }

  /// - Parameter x: (N, H, W, 3)
  /// - Returns: (N, h, w, 2 · latent channels)
  func callAsFunction(_ x: Tensor, _ context: Context) throws -> Tensor {
    var h = convIn(x)
    for block in blocks {
      for resnet in block.resnets { h = try context.block(h) { resnet($0, context) } }
      h = block.downsampler?(h) ?? h
    }
    h = try midBlock(h, context)
    return convOut(normOut(h, silu: true))
  }
}
