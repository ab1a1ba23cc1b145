public import Checkpoints

/// Sizes of a `UNet3DConditionModel`, from `unet/config.json`.
public struct UNet3DConfiguration: Sendable, Equatable {
  /// Channels of the latents that go in.
  public var inChannels: Int
  /// Channels that come out.
  public var outChannels: Int
  /// Channels of each level, from the largest picture to the smallest.
  public var blockOutChannels: [Int]
  /// Whether each down block has transformers (`CrossAttnDownBlock3D`) or none (`DownBlock3D`).
  public var downAttention: [Bool]
  /// The same for the up blocks, from the smallest picture to the largest.
  public var upAttention: [Bool]
  /// Layers of a down block; up blocks have one more.
  public var layersPerBlock: Int
  /// Width of one attention head, `attention_head_dim` of this class: heads = channels / width.
  public var attentionHeadWidth: Int
  /// Width of the encoded prompt.
  public var crossAttentionChannels: Int
  /// Groups of every group norm.
  public var normGroups: Int
  /// Epsilon of the residual blocks' and the last group norm.
  public var normEpsilon: Float
  /// 1 rounds odd sizes up on the way down, 0 rounds them down.
  public var downsamplePadding: Int
  /// What the mid block's residual sums are divided by.
  public var midBlockScaleFactor: Float
  /// Height and width of the latents that the model was trained on, where the file tells them.
  public var sampleSize: [Int]?

  /// Width of the time embedding.
  public var timeChannels: Int { 4 * blockOutChannels[0] }

  /// Reads diffusers' keys, with its defaults.
  ///
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  public init(_ json: Configuration) throws {
    inChannels = try json.int("in_channels", default: 4)
    outChannels = try json.int("out_channels", default: 4)
    blockOutChannels =
      json.has("block_out_channels") ? try json.ints("block_out_channels") : [320, 640, 1280, 1280]
    let levels = blockOutChannels.count
    downAttention = try Self.attention(
      json, "down_block_types", plain: "DownBlock3D", attentive: "CrossAttnDownBlock3D", levels,
      default: [true, true, true, false])
    upAttention = try Self.attention(
      json, "up_block_types", plain: "UpBlock3D", attentive: "CrossAttnUpBlock3D", levels,
      default: [false, true, true, true])
    layersPerBlock = try json.int("layers_per_block", in: 1...64, default: 2)
    attentionHeadWidth = try json.int("attention_head_dim", default: 64)
    crossAttentionChannels = try json.int("cross_attention_dim", default: 1024)
    normGroups = try json.int("norm_num_groups", default: 32)
    normEpsilon = Float(try json.double("norm_eps", default: 1e-5))
    downsamplePadding = try json.int("downsample_padding", in: 0...1, default: 1)
    midBlockScaleFactor = Float(try json.double("mid_block_scale_factor", default: 1))
    sampleSize = json.has("sample_size") ? try json.ints("sample_size", count: 2) : nil
    try check(json)
  }

  private static func attention(
    _ json: Configuration, _ key: String, plain: String, attentive: String, _ levels: Int,
    default standard: [Bool]
  ) throws -> [Bool] {
    let types = try json.strings(key, default: standard.map { $0 ? attentive : plain })
    guard types.count == levels, types.allSatisfy({ $0 == plain || $0 == attentive }) else {
      throw json.error(key, expected: "\(levels) of \"\(attentive)\" and \"\(plain)\", one per level")
    }
    return types.map { $0 == attentive }
  }

  private func check(_ json: Configuration) throws {
    guard blockOutChannels.count <= 16 else {
      throw json.error("block_out_channels", expected: "at most 16 levels")
    }
    _ = try json.string("act_fn", among: ["silu", "swish"], default: "silu")
    for key in ["num_attention_heads", "time_cond_proj_dim"] where json.has(key) {
      throw json.error(key, expected: "null: this engine has no such part")
    }
    guard blockOutChannels.allSatisfy({ $0 % normGroups == 0 }) else {
      throw json.error(
        "norm_num_groups", expected: "a divisor of each of block_out_channels \(blockOutChannels)")
    }
    guard blockOutChannels.allSatisfy({ $0 >= attentionHeadWidth }) else {
      throw json.error(
        "attention_head_dim",
        expected: "the width of one head, at most each of block_out_channels \(blockOutChannels)")
    }
    guard midBlockScaleFactor != 0 else { throw json.error("mid_block_scale_factor", expected: "not zero") }
  }
}
