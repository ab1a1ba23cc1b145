import Checkpoints
import Tensors
import Testing

/// Every operation and its gradients against torch.
@Suite struct OperationGoldenTests {
  private let golden: Golden
  private let attributes: Configuration

  init() throws {
    golden = try Golden("ops/ops.safetensors")
    attributes = try Golden.configuration("ops/ops.json")
  }

  /// Channels last for pictures (N, C, H, W) and clips (B, C, F, H, W); weights in the engine's order.
  private func value(_ name: String) throws -> Tensor {
    let tensor = try golden[name]
    let isOneDimensionalInTime = name.hasPrefix("temporal_conv") && name.hasSuffix("weight")
    if isOneDimensionalInTime { return tensor.reshaped(Array(tensor.shape[..<3])).permuted([2, 0, 1]) }
    switch tensor.rank {
    case 4: return tensor.permuted([0, 2, 3, 1])
    case 5:
      let clip = tensor.permuted([0, 2, 3, 4, 1])
      return clip.reshaped([clip.shape[0], clip.shape[1], -1, clip.shape[4]])
    default: return tensor
    }
  }

  private func check(
    _ name: String, _ inputs: [String], _ operation: (Configuration, [Tensor]) throws -> Tensor
  ) throws {
    let settings = try #require(try attributes.nested(name))
    let leaves = try inputs.map { try value("\(name)/\($0)").asParameter() }
    let output = try operation(settings, leaves)
    expectClose(output.detached(), try value("\(name)/output"), 1e-5, name)
    let seed = golden.has("\(name)/grad_output") ? try value("\(name)/grad_output") : Tensor.filled(output.shape, 1)
    let gradients = try gradients(of: (output * seed).sum(), for: leaves)
    for (input, gradient) in zip(inputs, gradients) where golden.has("\(name)/grad_\(input)") {
      expectClose(gradient, try value("\(name)/grad_\(input)"), 1e-5, "\(name): gradient of \(input)")
    }
  }

  @Test(
    arguments: [
      "conv2d_3x3", "conv2d_3x3_stride2", "conv2d_3x3_stride2_even", "conv2d_3x3_stride2_asymmetric", "conv2d_1x1",
      "conv2d_one_pixel",
    ])
  func convolution(name: String) throws {
    try check(name, ["input", "weight", "bias"]) { settings, x in
      let sides = try settings.doubles("padding").map { Int($0) }
      return x[0].conv2d(
        x[1], x[2], stride: try settings.int("stride"),
        padding: Padding(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3]))
    }
  }

  @Test(arguments: ["temporal_conv", "temporal_conv_one_frame"])
  func temporalConvolution(name: String) throws {
    try check(name, ["input", "weight", "bias"]) { _, x in x[0].temporalConv(x[1], x[2]) }
  }

  @Test(arguments: ["group_norm", "group_norm_silu", "group_norm_frames"])
  func groupNorm(name: String) throws {
    try check(name, ["input", "weight", "bias"]) { settings, x in
      x[0].groupNorm(
        groups: try settings.int("groups"), x[1], x[2], epsilon: Float(try settings.double("epsilon")),
        silu: try settings.bool("silu"))
    }
  }

  @Test func linearAndLayerNorm() throws {
    try check("linear", ["input", "weight", "bias"]) { _, x in x[0].linear(x[1], x[2]) }
    try check("layer_norm", ["input", "weight", "bias"]) { settings, x in
      x[0].layerNorm(x[1], x[2], epsilon: Float(try settings.double("epsilon")))
    }
  }

  @Test func activations() throws {
    try check("silu", ["input"]) { $1[0].silu() }
    try check("gelu", ["input"]) { $1[0].gelu() }
    try check("quick_gelu", ["input"]) { $1[0].quickGelu() }
    try check("geglu", ["input"]) { $1[0].geglu() }
  }

  @Test(arguments: ["attention_self", "attention_cross", "attention_causal", "attention_short", "attention_one_token"])
  func attention(name: String) throws {
    try check(name, ["query", "key", "value"]) { settings, x in
      Tensor.attention(
        x[0], x[1], x[2], heads: try settings.int("heads"), causal: try settings.bool("causal"))
    }
  }

  @Test func temporalAttentionEqualsAttentionOfEachPixel() throws {
    // (N, F, C) of 15 pixels as one clip (1, F, 15, C)
    try check("attention_short", ["query", "key", "value"]) { settings, x in
      let pixels = x.map { $0.permuted([1, 0, 2]).reshaped([1, $0.shape[1], $0.shape[0], $0.shape[2]]) }
      let y = Tensor.temporalAttention(pixels[0], pixels[1], pixels[2], heads: try settings.int("heads"))
      return y.reshaped(Array(y.shape[1...])).permuted([1, 0, 2])
    }
  }

  @Test(arguments: ["upsample_nearest", "upsample_nearest_double"]) func upsampling(name: String) throws {
    try check(name, ["input"]) { settings, x in
      let size = try settings.ints("size")
      return x[0].upsampledNearest(height: size[0], width: size[1])
    }
  }

  @Test func meanSquaredError() throws {
    try check("mean_squared_error", ["input", "target"]) { $1[0].meanSquaredError($1[1]) }
  }
}
