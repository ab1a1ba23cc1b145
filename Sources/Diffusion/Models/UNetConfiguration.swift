public import Checkpoints

/// Sizes of a UNet of clips, from `unet/config.json`.
public struct UNetConfiguration: Sendable, Equatable {
  /// Channels of the latents that go in.
  public var inChannels: Int
  /// Channels that come out.
  public var outChannels: Int
  /// Channels of each level, from the largest picture to the smallest.
  public var blockOutChannels: [Int]
  /// Whether each down block has transformers on its frames.
  public var downAttention: [Bool]
  /// The same for the up blocks, from the smallest picture to the largest.
  public var upAttention: [Bool]
  /// Layers of a down block; up blocks have one more.
  public var layersPerBlock: Int
  /// Width of one head of the attention on frames, for each level: heads = channels / width, rounded down.
  public var headWidths: [Int]
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
  /// AnimateDiff's motion modules; nil: ModelScope's convolutions and attentions over time.
  public var motion: MotionAdapterConfiguration?

  /// Width of the time embedding.
  public var timeChannels: Int { 4 * blockOutChannels[0] }

  /// Reads diffusers' keys, with the defaults of the class that `_class_name` says: `UNet3DConditionModel` (or none),
  /// `UNetMotionModel`, or `UNet2DConditionModel`, the picture model that a motion adapter makes one of clips.
  ///
  /// - Parameter adapter: the motion adapter's; compulsory for a picture model, useless for others
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  public init(_ json: Configuration, adapter: MotionAdapterConfiguration? = nil) throws {
    let kind = try json.choice("_class_name", default: UNetClass.clips)
    inChannels = try json.int("in_channels", default: 4)
    outChannels = try json.int("out_channels", default: 4)
    blockOutChannels =
      json.has("block_out_channels") ? try json.ints("block_out_channels") : [320, 640, 1280, 1280]
    let levels = blockOutChannels.count
    downAttention = try Self.attention(
      json, "down_block_types", "DownBlock", kind, levels, default: [true, true, true, false])
    upAttention = try Self.attention(
      json, "up_block_types", "UpBlock", kind, levels, default: [false, true, true, true])
    layersPerBlock = try json.uniform("layers_per_block", in: 1...64, default: 2)
    headWidths = try Self.headWidths(json, kind, blockOutChannels)
    crossAttentionChannels = try json.uniform(
      "cross_attention_dim", in: 1...1 << 20, default: kind == .clips ? 1024 : 1280)
    normGroups = try json.int("norm_num_groups", default: 32)
    normEpsilon = Float(try json.double("norm_eps", default: 1e-5))
    downsamplePadding = try json.int("downsample_padding", in: 0...1, default: 1)
    midBlockScaleFactor = Float(try json.double("mid_block_scale_factor", default: 1))
    sampleSize = json.has("sample_size") ? try json.ints("sample_size", count: 2) : nil
    motion =
      kind == .motion ? try MotionAdapterConfiguration(unet: json, blockOutChannels: blockOutChannels) : adapter
    try check(json)
    try checkParts(json, kind)
  }

  private static func attention(
    _ json: Configuration, _ key: String, _ name: String, _ kind: UNetClass, _ levels: Int,
    default standard: [Bool]
  ) throws -> [Bool] {
    let (plain, attentive) = (name + kind.suffix, "CrossAttn" + name + kind.suffix)
    let types = try json.strings(key, default: standard.map { $0 ? attentive : plain })
    guard types.count == levels, types.allSatisfy({ $0 == plain || $0 == attentive }) else {
      throw json.error(key, expected: "\(levels) of \"\(attentive)\" and \"\(plain)\", one per level")
    }
    return types.map { $0 == attentive }
  }

  /// `attention_head_dim` is the width of a head in `UNet3DConditionModel`, and the number of heads in the others, for
  /// one level or for each.
  private static func headWidths(
    _ json: Configuration, _ kind: UNetClass, _ channels: [Int]
  ) throws -> [Int] {
    if kind == .clips {
      let width = try json.int("attention_head_dim", default: 64)
      guard channels.allSatisfy({ $0 >= width }) else {
        throw json.error(
          "attention_head_dim", expected: "the width of one head, at most each of block_out_channels \(channels)")
      }
      return channels.map { _ in width }
    }
    let key = json.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim"
    let heads = json.has(key) ? try json.ints(key, count: channels.count) : channels.map { _ in 8 }
    guard zip(channels, heads).allSatisfy({ $0 % $1 == 0 }) else {
      throw json.error(key, expected: "numbers of heads, each a divisor of its level's channels \(channels)")
    }
    return zip(channels, heads).map { $0 / $1 }
  }

  private func check(_ json: Configuration) throws {
    guard blockOutChannels.count <= 16 else {
      throw json.error("block_out_channels", expected: "at most 16 levels")
    }
    _ = try json.string("act_fn", among: ["silu", "swish"], default: "silu")
    guard blockOutChannels.allSatisfy({ $0 % normGroups == 0 }) else {
      throw json.error(
        "norm_num_groups", expected: "a divisor of each of block_out_channels \(blockOutChannels)")
    }
    guard midBlockScaleFactor != 0 else { throw json.error("mid_block_scale_factor", expected: "not zero") }
    if let motion {
      guard motion.blockOutChannels == blockOutChannels, motion.layersPerBlock == layersPerBlock else {
        throw json.error(
          "block_out_channels",
          expected: "\(motion.blockOutChannels) with \(motion.layersPerBlock) layers, as the motion adapter has; "
            + "does it belong to another kind of model?")
      }
    }
  }

  private func checkParts(_ json: Configuration, _ kind: UNetClass) throws {
    guard kind != .pictures || motion != nil else {
      throw json.error(
        "_class_name",
        expected: "a model of clips; this one is of pictures: set motion-adapter to an AnimateDiff adapter "
          + "that makes it one of clips")
    }
    var absent = [
      "time_cond_proj_dim", "encoder_hid_dim_type", "encoder_hid_dim", "addition_embed_type", "class_embed_type",
      "num_class_embeds", "time_embedding_act_fn", "timestep_post_act", "conv_in_channels",
    ]
    if kind == .clips { absent.append("num_attention_heads") }
    for key in absent where json.has(key) {
      throw json.error(key, expected: "null: this engine has no such part")
    }
    for key in ["only_cross_attention", "dual_cross_attention", "center_input_sample", "class_embeddings_concat"] {
      try json.refuse(key, because: "this engine has no such part")
    }
    _ = try json.string("resnet_time_scale_shift", among: ["default"], default: "default")
    _ = try json.string("time_embedding_type", among: ["positional"], default: "positional")
    if kind == .pictures {
      _ = try json.string("mid_block_type", among: ["UNetMidBlock2DCrossAttn"], default: "UNetMidBlock2DCrossAttn")
    }
    for key in ["transformer_layers_per_block", "temporal_transformer_layers_per_block"] {
      _ = try json.uniform(key, in: 1...1, default: 1)
    }
  }
}

/// diffusers' classes of UNets that this engine reads.
private enum UNetClass: String, CaseIterable {
  case clips = "UNet3DConditionModel"
  case pictures = "UNet2DConditionModel"
  case motion = "UNetMotionModel"

  /// End of its blocks' names.
  var suffix: String {
    switch self {
    case .clips: "3D"
    case .pictures: "2D"
    case .motion: "Motion"
    }
  }
}
