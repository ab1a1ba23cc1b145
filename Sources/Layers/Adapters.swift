public import Tensors

/// Everything that modifies a frozen model: passed to its forward and looked up by module path.
///
/// No model is re-typed, patched or mutated, so that one loaded model serves many jobs at once.
public struct Adapters: Sendable {
  /// Motion embeddings by temporal transformer block, such as
  /// `down_blocks.2.temp_attentions.0.transformer_blocks.0`.
  public var motion: [String: TemporalMotion]
  /// Low-rank pairs by path of the `Linear` that they add to.
  public var lora: [String: LowRank]

  /// The model as it is.
  public static let none = Adapters()

  /// Adapters by path.
  public init(motion: [String: TemporalMotion] = [:], lora: [String: LowRank] = [:]) {
    self.motion = motion
    self.lora = lora
  }
}

/// The motion embedding of one temporal transformer block (Motion Inversion, eq. 2 and 3), debiased and
/// scaled.
public struct TemporalMotion: Sendable {
  /// m_QK (F, 1, C), shared by the block's two attentions.
  public var queryKey: Tensor?
  /// m_V of the first attention, (F, H·W, C).
  public var value1: Tensor?
  /// m_V of the second attention, (F, H·W, C).
  public var value2: Tensor?

  /// What is nil adds nothing.
  public init(queryKey: Tensor? = nil, value1: Tensor? = nil, value2: Tensor? = nil) {
    self.queryKey = queryKey
    self.value1 = value1
    self.value2 = value2
  }
}

/// A low-rank addition to a linear map: scale · up · down (LoRA, Hu et al. 2021).
public struct LowRank: Sendable {
  /// (r, K)
  public var down: Tensor
  /// (N, r)
  public var up: Tensor
  /// Weight of the addition: alpha / r, times the strength asked for.
  public var scale: Float

  /// A pair of matrices, (r, K) and (N, r).
  public init(down: Tensor, up: Tensor, scale: Float) {
    self.down = down
    self.up = up
    self.scale = scale
  }
}
