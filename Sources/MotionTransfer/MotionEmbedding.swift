import Diffusion
public import Layers
public import Tensors

/// The motion of reference clips, learned by Motion Inversion (section 3) or as changes of the model's linear maps.
///
/// Per selected temporal block: m_QK (1, F, C), shared by the queries and keys of its two attentions, and one m_V
/// (H·W, F, C) for the values of each. Held here in the engine's order, (F, 1, C) and (F, H·W, C). Other designs have one
/// row for every pixel of m_QK, or one for all of m_V.
public struct MotionEmbedding: Sendable {
  /// The learned tensors by temporal transformer block.
  public var blocks: [String: TemporalMotion]
  /// Low-rank additions by path of a `Linear`, in the order of the model's modules (MotionDirector, TAP, files of others).
  public var lora: [(path: String, pair: LowRank)]
  /// What is added to the weights (N, K) of `Linear`s (VMC).
  public var differences: [(path: String, tensor: Tensor)]
  /// What is added to encoded prompts, by name (SynMotion); the phrase that it belongs to is in the metadata.
  public var text: [(name: String, tensor: Tensor)]
  /// The DDIM-inverted noise of the reference, (C, F, h, w), where it was asked for.
  public var inversionNoise: Tensor?
  /// What is known of its making; see `MotionEmbeddingFile`.
  public var metadata: [String: String]

  /// Whether it changes linear maps of the model, as low-rank additions and weight differences do.
  public var changesLinears: Bool { !lora.isEmpty || !differences.isEmpty }

  init(
    blocks: [String: TemporalMotion], lora: [(path: String, pair: LowRank)] = [],
    differences: [(path: String, tensor: Tensor)] = [], text: [(name: String, tensor: Tensor)] = [],
    inversionNoise: Tensor? = nil, metadata: [String: String] = [:]
  ) {
    self.blocks = blocks
    self.lora = lora
    self.differences = differences
    self.text = text
    self.inversionNoise = inversionNoise
    self.metadata = metadata
  }

  /// An embedding to learn: all zeros, so that learning starts from the model as it is.
  init(zeroAt sites: [MotionSite], frames: Int, design: EmbeddingDesign = .oneTwo) {
    let motions = sites.map { site in
      func zeros(spatial: Bool) -> Tensor {
        Tensor.zeros([frames, spatial ? site.height * site.width : 1, site.channels]).asParameter()
      }
      return (
        site.path,
        TemporalMotion(
          queryKey: zeros(spatial: design.spatialQueryKey), value1: zeros(spatial: design.spatialValue),
          value2: zeros(spatial: design.spatialValue))
      )
    }
    self.init(blocks: Dictionary(uniqueKeysWithValues: motions))
  }

  /// Bytes of all tensors.
  var byteCount: Int {
    let pairs = lora.map { $0.pair.down.count + $0.pair.up.count }
    let others =
      parameters.map(\.count) + differences.map(\.tensor.count) + text.map(\.tensor.count)
      + [inversionNoise?.count ?? 0]
    return 4 * (pairs + others).reduce(0, +)
  }

  /// All learned tensors in a fixed order.
  var parameters: [Tensor] {
    blocks.keys.sorted().flatMap { tensors(at: $0) }
  }

  private func tensors(at path: String) -> [Tensor] {
    [blocks[path]?.queryKey, blocks[path]?.value1, blocks[path]?.value2].compactMap { $0 }
  }

  /// The learned values without their gradient nodes.
  func detached() -> MotionEmbedding {
    var result = self
    result.blocks = blocks.mapValues {
      TemporalMotion(
        queryKey: $0.queryKey?.detached(), value1: $0.value1?.detached(), value2: $0.value2?.detached())
    }
    return result
  }

  /// The embedding fits the model at this size, or an error says found and expected.
  func check(against sites: [MotionSite], frames: Int) throws(MotionTransferError) {
    let known = Dictionary(uniqueKeysWithValues: sites.map { ($0.path, $0) })
    for path in blocks.keys.sorted() {
      guard let site = known[path] else {
        throw MotionTransferError(
          .mismatch,
          "the motion embedding has the block \(path), which this model does not have; expected some of "
            + "\(sites.map(\.path).joined(separator: ", ")); use the model that it was learned with")
      }
      let grid = metadata["grid.\(path)"] ?? "\(site.width)x\(site.height)"
      guard grid == "\(site.width)x\(site.height)" else {
        throw MotionTransferError(
          .mismatch,
          "the motion embedding has a grid of \(grid) at \(path), expected \(site.width)x\(site.height): it was learned with "
            + "\(learnedWith); apply it at that size, or set resample")
      }
      let shape = [frames, site.height * site.width, site.channels]
      for tensor in tensors(at: path) where tensor.shape != shape && tensor.shape != [frames, 1, site.channels] {
        throw MotionTransferError(
          .mismatch,
          "the motion embedding has \(tensor.shape) (frames, pixels, channels) at \(path), expected \(shape), or one "
            + "row for all pixels: it was learned with \(learnedWith); apply it with the same model, size and number of "
            + "frames, or set resample")
      }
    }
  }

  private var learnedWith: String {
    guard let frames = metadata["frames"], let width = metadata["width"], let height = metadata["height"] else {
      return "another model, size or number of frames"
    }
    return "\(frames) frames of \(width)x\(height)"
  }
}
