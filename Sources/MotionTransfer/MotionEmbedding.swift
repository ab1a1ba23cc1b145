import Diffusion
public import Layers
public import Tensors

/// The motion of one reference clip, learned (Motion Inversion, section 3).
///
/// Per selected temporal block: m_QK (1, F, C), shared by the queries and keys of its two attentions, and one m_V
/// (H·W, F, C) for the values of each. Held here in the engine's order, (F, 1, C) and (F, H·W, C).
public struct MotionEmbedding: Sendable {
  /// The learned tensors by temporal transformer block.
  public var blocks: [String: TemporalMotion]
  /// The DDIM-inverted noise of the reference, (C, F, h, w), where it was asked for.
  public var inversionNoise: Tensor?
  /// What is known of its making; see `MotionEmbeddingFile`.
  public var metadata: [String: String]

  init(blocks: [String: TemporalMotion], inversionNoise: Tensor? = nil, metadata: [String: String] = [:]) {
    self.blocks = blocks
    self.inversionNoise = inversionNoise
    self.metadata = metadata
  }

  /// An embedding to learn: all zeros, so that learning starts from the model as it is.
  init(zeroAt sites: [MotionSite], frames: Int) {
    let motions = sites.map { site in
      let value = [frames, site.height * site.width, site.channels]
      return (
        site.path,
        TemporalMotion(
          queryKey: Tensor.zeros([frames, 1, site.channels]).asParameter(),
          value1: Tensor.zeros(value).asParameter(), value2: Tensor.zeros(value).asParameter())
      )
    }
    self.init(blocks: Dictionary(uniqueKeysWithValues: motions))
  }

  /// All learned tensors in a fixed order.
  var parameters: [Tensor] {
    blocks.keys.sorted().flatMap { path in
      [blocks[path]?.queryKey, blocks[path]?.value1, blocks[path]?.value2].compactMap { $0 }
    }
  }

  /// The embedding as the model adds it: values debiased, everything scaled.
  func adapters(_ mode: DebiasMode, scale: Float) -> Adapters {
    let motion = blocks.mapValues { block in
      TemporalMotion(
        queryKey: block.queryKey.map { scaled($0, scale) },
        value1: block.value1.flatMap { Debias.apply(mode, $0) }.map { scaled($0, scale) },
        value2: block.value2.flatMap { Debias.apply(mode, $0) }.map { scaled($0, scale) })
    }
    return Adapters(motion: motion)
  }

  private func scaled(_ tensor: Tensor, _ scale: Float) -> Tensor {
    scale == 1 ? tensor : tensor * scale
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
      let value = [frames, site.height * site.width, site.channels]
      let expected = [[frames, 1, site.channels], value, value]
      let tensors = [blocks[path]?.queryKey, blocks[path]?.value1, blocks[path]?.value2]
      for (tensor, shape) in zip(tensors, expected) where tensor.map({ $0.shape != shape }) == true {
        throw MotionTransferError(
          .mismatch,
          "the motion embedding has \(tensor?.shape ?? []) (frames, pixels, channels) at \(path), expected \(shape): "
            + "it was learned with \(learnedWith); apply it with the same model, size and number of frames")
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

/// Removal of the reference's appearance from motion values (F, H·W, C).
enum Debias {
  /// nil: the values are left out.
  static func apply(_ mode: DebiasMode, _ values: Tensor) -> Tensor? {
    let frames = values.shape[0]
    switch mode {
    case .none: return values
    case .camera: return nil
    case .auto, .difference:
      // eq. 5: the first frame as it is, then differences of neighbours
      guard frames > 1 else { return values }
      let difference = values.sliced(axis: 0, 1..<frames) - values.sliced(axis: 0, 0..<frames - 1)
      return Tensor.concatenated([values.sliced(axis: 0, 0..<1), difference], axis: 0)
    case .normalize:
      var mean = values.sliced(axis: 0, 0..<1)
      for frame in 1..<max(frames, 1) { mean = mean + values.sliced(axis: 0, frame..<frame + 1) }
      return values - mean * (1 / Float(frames))
    }
  }
}
