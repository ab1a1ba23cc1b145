public import Tensors

/// Everything that modifies a frozen model: passed to its forward and looked up by module path.
///
/// No model is re-typed, patched or mutated, so that one loaded model serves many jobs at once.
public struct Adapters: Sendable {
  /// Motion embeddings by temporal transformer block, such as
  /// `down_blocks.2.temp_attentions.0.transformer_blocks.0`.
  public var motion: [String: TemporalMotion]
  /// Low-rank pairs by path of the `Linear` that they add to.
  public var lora: [String: [LowRank]]
  /// Weights (N, K) that stand in for those of the `Linear` at a path.
  public var weights: [String: Tensor]
  /// Skip connections that pass the temporal layers by.
  public var highway: AppearanceHighway?
  /// Whether a UNet's ResNets take their group norms' statistics over all frames of a clip rather than of each.
  public var normalizesClips: Bool

  /// The model as it is.
  public static let none = Adapters()

  /// Adapters by path.
  public init(
    motion: [String: TemporalMotion] = [:], lora: [String: [LowRank]] = [:], weights: [String: Tensor] = [:],
    highway: AppearanceHighway? = nil, normalizesClips: Bool = false
  ) {
    self.motion = motion
    self.lora = lora
    self.weights = weights
    self.highway = highway
    self.normalizesClips = normalizesClips
  }

  /// Both: pairs add up; where both have anything else, that of `other`.
  public func merging(_ other: Adapters) -> Adapters {
    Adapters(
      motion: motion.merging(other.motion) { $1 }, lora: lora.merging(other.lora, uniquingKeysWith: +),
      weights: weights.merging(other.weights) { $1 }, highway: other.highway ?? highway,
      normalizesClips: normalizesClips || other.normalizesClips)
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
  /// While learning, what the addition loses at random.
  public var dropout: Dropout?

  /// A pair of matrices, (r, K) and (N, r).
  public init(down: Tensor, up: Tensor, scale: Float, dropout: Dropout? = nil) {
    self.down = down
    self.up = up
    self.scale = scale
    self.dropout = dropout
  }
}

/// Elements that become zero at random, the others being scaled up (Srivastava et al. 2014).
///
/// The seed says which, so that a block that is computed again drops the same ones.
public struct Dropout: Sendable {
  /// Share of elements that become zero.
  public var probability: Float
  /// Of a generator of its own, whose uniform draws in the order of the elements fall below the probability or not.
  public var seed: UInt64

  /// A draw of elements.
  public init(probability: Float, seed: UInt64) {
    self.probability = probability
    self.seed = seed
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var generator = TorchGenerator(seed: seed)
    let kept = 1 / (1 - probability)
    return x
      * Tensor(uninitialized: x.shape) { mask in
        for i in 0..<mask.count { mask[i] = generator.uniform() < probability ? 0 : kept }
      }
  }
}

/// Skip connections that start at the spatial transformers' outputs instead of the temporal ones', so that appearance
/// flows around the temporal layers (Liu et al. 2025, "Separate Motion from Appearance").
public struct AppearanceHighway: Sendable, Equatable {
  /// Down blocks, counted from the largest picture, whose skips are taken from the spatial transformers.
  public var levels: Set<Int>
  /// What skips are multiplied by.
  public var scale: Float
  /// nil: the skips of `levels` are scaled. Else: every skip that an up block with attention joins to this many channels.
  public var scaledChannels: Int?

  /// A highway.
  public init(levels: Set<Int>, scale: Float, scaledChannels: Int? = nil) {
    self.levels = levels
    self.scale = scale
    self.scaledChannels = scaledChannels
  }

  /// A skip that the highway starts.
  public func skip(_ appearance: Tensor) -> Tensor {
    scaledChannels == nil && scale != 1 ? appearance * scale : appearance
  }

  /// A skip as it is joined to a hidden state of so many channels.
  public func joined(_ skip: Tensor, channels: Int) -> Tensor {
    scaledChannels == channels ? skip * scale : skip
  }
}
