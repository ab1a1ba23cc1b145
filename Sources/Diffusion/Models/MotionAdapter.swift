import Checkpoints
public import Layers

/// AnimateDiff's motion modules as they lie on disk (Guo et al. 2024; diffusers' `MotionAdapter`): what makes a model of
/// pictures one of clips.
///
/// A folder in diffusers' format, or one file: AnimateDiff's own (`mm_sd_v15_v2.ckpt`, `v3_sd15_mm.ckpt`, also as
/// safetensors), whose key names are translated, or one with diffusers' names.
public struct MotionAdapter: Sendable {
  /// Sizes of the modules.
  public let configuration: MotionAdapterConfiguration
  /// The file that holds the weights.
  public let path: String
  private let source: any WeightSource

  /// - Parameter path: folder or file
  /// - Throws: `CheckpointError`
  public init(_ path: String) throws {
    let folder = ComponentFolder(path)
    guard !folder.exists else {
      configuration = try MotionAdapterConfiguration(adapter: try folder.configuration())
      self.path = try folder.weightsPath()
      source = try folder.checkpoint()
      return
    }
    let stored = try openCheckpoint(path)
    let isOriginal = stored.names.contains { $0.contains(".temporal_transformer.") }
    source = RenamedSource(stored, rename: Self.diffusersName)
    configuration = try MotionAdapterConfiguration(
      tensors: source, normalizesEachFrame: isOriginal, file: path)
    self.path = path
  }

  /// The weights, for the construction of a model.
  public func weights() -> Weights { Weights(source, name: path) }

  /// Keys, shapes and values as they are: for a model's identity.
  public var checkpoint: any WeightSource { source }

  /// diffusers' name of a tensor in AnimateDiff's own files; nil for the second of the two equal position codes.
  static func diffusersName(_ name: String) -> String? {
    var name = name.hasPrefix("module.") ? String(name.dropFirst("module.".count)) : name
    if name.hasSuffix("attention_blocks.1.pos_encoder.pe") { return nil }
    for (old, new) in [
      (".temporal_transformer.", "."), (".attention_blocks.0.pos_encoder.", ".pos_embed."),
      (".attention_blocks.0.", ".attn1."), (".attention_blocks.1.", ".attn2."), (".norms.0.", ".norm1."),
      (".norms.1.", ".norm2."), (".ff_norm.", ".norm3."),
    ] {
      name = name.replacing(old, with: new)
    }
    return name
  }
}
