public import Checkpoints

/// Sizes of an `AutoencoderKL`, from `vae/config.json`.
public struct AutoencoderKLConfiguration: Sendable, Equatable {
  /// Channels of a picture, 3.
  public var inChannels: Int
  /// Channels that come out of the decoder, 3.
  public var outChannels: Int
  /// Channels of a latent.
  public var latentChannels: Int
  /// Channels of each level, from the largest picture to the smallest.
  public var blockOutChannels: [Int]
  /// Residual blocks of an encoder block; decoder blocks have one more.
  public var layersPerBlock: Int
  /// Groups of every group norm.
  public var normGroups: Int
  /// Whether the mid blocks have self-attention.
  public var midBlockHasAttention: Bool
  /// Whether a convolution of kernel 1 follows the encoder.
  public var usesQuantConv: Bool
  /// Whether one precedes the decoder.
  public var usesPostQuantConv: Bool
  /// Height and width, in pixels, of the tiles of tiled decoding: the size that the model was trained on.
  public var tileSize: Int
  /// Latents are multiplied by this for diffusion.
  public var scalingFactor: Float

  /// Pixels per latent, each way: 2^(levels - 1).
  public var latentFactor: Int { 1 << (blockOutChannels.count - 1) }

  /// Reads diffusers' keys, with its defaults.
  ///
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  public init(_ json: Configuration) throws {
    inChannels = try json.int("in_channels", default: 3)
    outChannels = try json.int("out_channels", default: 3)
    latentChannels = try json.int("latent_channels", default: 4)
    blockOutChannels = json.has("block_out_channels") ? try json.ints("block_out_channels") : [64]
    layersPerBlock = try json.int("layers_per_block", in: 1...64, default: 1)
    normGroups = try json.int("norm_num_groups", default: 32)
    midBlockHasAttention = try json.bool("mid_block_add_attention", default: true)
    usesQuantConv = try json.bool("use_quant_conv", default: true)
    usesPostQuantConv = try json.bool("use_post_quant_conv", default: true)
    tileSize = json.has("sample_size") ? try json.ints("sample_size", count: 2)[0] : 32
    scalingFactor = Float(try json.double("scaling_factor", default: 0.18215))
    try check(json)
  }

  private func check(_ json: Configuration) throws {
    let levels = blockOutChannels.count
    let blockTypes = [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")]
    for (key, type) in blockTypes {
      let types = try json.strings(key, default: [type])
      guard types.count == levels, types.allSatisfy({ $0 == type }) else {
        throw json.error(key, expected: "\(levels) times \"\(type)\", one per level")
      }
    }
    guard levels <= 16 else { throw json.error("block_out_channels", expected: "at most 16 levels") }
    _ = try json.string("act_fn", among: ["silu", "swish"], default: "silu")
    for key in ["shift_factor", "latents_mean", "latents_std"] where json.has(key) {
      throw json.error(key, expected: "null: this engine only scales latents")
    }
    guard blockOutChannels.allSatisfy({ $0 % normGroups == 0 }) else {
      throw json.error(
        "norm_num_groups", expected: "a divisor of each of block_out_channels \(blockOutChannels)")
    }
    guard scalingFactor != 0 else { throw json.error("scaling_factor", expected: "not zero") }
  }
}
