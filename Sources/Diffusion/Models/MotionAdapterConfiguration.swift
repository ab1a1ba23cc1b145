public import Checkpoints
import Layers

/// Sizes of AnimateDiff's motion modules, from a motion adapter's `config.json`, a `UNetMotionModel`'s, or the tensors of
/// an original file.
public struct MotionAdapterConfiguration: Sendable, Equatable {
  /// Channels of each level, from the largest picture to the smallest.
  public var blockOutChannels: [Int]
  /// Motion modules of a down block; up blocks have one more.
  public var layersPerBlock: Int
  /// Heads of every temporal attention.
  public var heads: Int
  /// Most frames of a clip: length of the position code.
  public var maximumFrames: Int
  /// Whether the mid block has a motion module (AnimateDiff v2).
  public var hasMidBlock: Bool
  /// Whether the modules' group norm takes its statistics per frame, as AnimateDiff's own code does, rather than over the
  /// whole clip, as diffusers does.
  public var normalizesEachFrame: Bool

  /// Reads the `config.json` of diffusers' `MotionAdapter`, with its defaults.
  ///
  /// - Throws: `CheckpointError` that names the key, for a wrong value and for what this engine does not have
  public init(adapter json: Configuration) throws {
    let channels = json.has("block_out_channels") ? try json.ints("block_out_channels") : [320, 640, 1280, 1280]
    try self.init(json, blockOutChannels: channels, layersKey: "motion_layers_per_block")
    for (key, range) in [
      ("motion_transformer_layers_per_block", 1...1), ("motion_transformer_layers_per_mid_block", 1...1),
      ("motion_mid_block_layers_per_block", 1...1),
    ] where json.has(key) {
      _ = try json.ints(key, in: range, count: json.values[key]?.array?.count ?? 1)
    }
    guard !json.has("conv_in_channels") else {
      throw json.error("conv_in_channels", expected: "null: this engine has no adapters that widen the input")
    }
  }

  /// Reads the motion keys in the `config.json` of diffusers' `UNetMotionModel`.
  init(unet json: Configuration, blockOutChannels: [Int]) throws {
    try self.init(json, blockOutChannels: blockOutChannels, layersKey: "layers_per_block")
  }

  private init(_ json: Configuration, blockOutChannels: [Int], layersKey: String) throws {
    self.blockOutChannels = blockOutChannels
    layersPerBlock = try json.uniform(layersKey, in: 1...64, default: 2)
    heads = try json.uniform("motion_num_attention_heads", in: 1...1024, default: 8)
    maximumFrames = try json.int("motion_max_seq_length", in: 1...4096, default: 32)
    hasMidBlock = try json.bool("use_motion_mid_block", default: true)
    normalizesEachFrame = false
    guard blockOutChannels.allSatisfy({ $0 % heads == 0 }) else {
      throw json.error(
        "motion_num_attention_heads", expected: "a divisor of each of block_out_channels \(blockOutChannels)")
    }
  }

  /// The sizes that a file's tensors, under diffusers' names, tell: AnimateDiff's own files have no configuration.
  ///
  /// - Throws: `CheckpointError` where the file holds no motion modules
  init(tensors source: any WeightSource, normalizesEachFrame: Bool, file: String) throws {
    func channels(_ block: Int, _ layer: Int) -> Int? {
      source.shape(of: "down_blocks.\(block).motion_modules.\(layer).norm.weight")?.first
    }
    blockOutChannels = (0..<16).map { channels($0, 0) }.prefix { $0 != nil }.compactMap { $0 }
    layersPerBlock = (0..<64).prefix { channels(0, $0) != nil }.count
    heads = 8
    let positions = source.shape(of: "down_blocks.0.motion_modules.0.transformer_blocks.0.pos_embed.pe")
    maximumFrames = positions.flatMap { $0.count == 3 ? $0[1] : nil } ?? 32
    hasMidBlock = source.names.contains { $0.hasPrefix("mid_block.") }
    self.normalizesEachFrame = normalizesEachFrame
    guard !blockOutChannels.isEmpty, (1...4096).contains(maximumFrames),
      blockOutChannels.allSatisfy({ (8...1 << 20).contains($0) && $0 % heads == 0 })
    else {
      throw CheckpointError(
        .badData,
        "\(file) holds no motion modules of AnimateDiff; expected keys such as "
          + "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight.")
    }
  }
}

extension Configuration {
  /// One integer, or a list of equal ones.
  func uniform(_ key: String, in range: ClosedRange<Int>, default fallback: Int) throws -> Int {
    guard has(key) else { return fallback }
    let numbers = try ints(key, in: range, count: values[key]?.array?.count ?? 1)
    guard Set(numbers).count == 1 else { throw error(key, expected: "the same number for every block") }
    return numbers[0]
  }
}
