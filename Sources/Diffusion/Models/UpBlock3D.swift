import Layers
import Tensors

/// Layers that read the skips of one size, then an enlargement (diffusers' `UpBlock3D`, and
/// `CrossAttnUpBlock3D` with attention).
struct UpBlock3D: Sendable {
  let layers: [UNet3DLayer]
  let upsampler: Upsample2D?

  /// - Parameters:
  ///   - inputs: channels that come from the block before
  ///   - outputs: channels of this block
  ///   - skip: channels of the last skip that this block reads, which comes from the next size up
  init(
    _ scope: WeightScope, _ inputs: Int, _ outputs: Int, skip: Int, attention: Bool, upsamples: Bool,
    _ configuration: UNet3DConfiguration
  ) throws {
    let count = configuration.layersPerBlock + 1
    layers = try (0..<count).map { j in
      let joined = (j == 0 ? inputs : outputs) + (j == count - 1 ? skip : outputs)
      return try UNet3DLayer(scope, j, joined, outputs, attention: attention, configuration)
    }
    upsampler = upsamples ? try Upsample2D(scope["upsamplers"][0], outputs) : nil
  }

  /// - Parameters:
  ///   - x: (B, F, H, W, I)
  ///   - skips: gives its last ones, one for each layer; the enlargement goes to the size of the next
  /// - Returns: (B, F, H', W', O)
  func callAsFunction(
    _ x: Tensor, _ skips: inout [Tensor], _ conditions: UNet3DConditions, _ context: Context
  ) throws -> Tensor {
    var h = x
    for layer in layers {
      h = try layer(Tensor.concatenated([h, skips.removeLast()], axis: 4), conditions, context)
    }
    guard let upsampler, let next = skips.last else { return h }
    return upsampler(h, to: (next.shape[2], next.shape[3]))
  }
}
