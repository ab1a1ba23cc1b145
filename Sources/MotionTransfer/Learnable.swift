import Diffusion
import Layers
import Tensors

/// What a method learns: leaves, and the adapters that put them into the model.
enum Learnable {
  /// Motion Inversion: embeddings of temporal attentions.
  case embedding(MotionEmbedding)
  /// MotionDirector and TAP: low-rank additions to temporal `Linear`s.
  case lowRank(LowRankSet)
  /// VMC: whole matrices, each with the one that it started from.
  case weights([(path: String, weight: Tensor, base: Tensor)])

  /// The start of a method.
  init(
    _ settings: Settings, _ unet: any VideoUNet, sites: [MotionSite], frames: Int,
    using generator: inout TorchGenerator
  ) {
    // Sites that the user chose bound the other methods, too; theirs reach further than an embedding's.
    func chosen(_ linears: [Linear]) -> [Linear] {
      settings.choosesSites
        ? linears.filter { linear in sites.contains { linear.path.hasPrefix($0.path + ".") } } : linears
    }
    switch settings.method {
    case .motionInversion:
      self = .embedding(MotionEmbedding(zeroAt: sites, frames: frames, design: settings.embeddingDesign))
    case .motionDirector, .tap:
      let linears = settings.lowRankTargets.select(chosen(unet.temporalLinears))
      self = .lowRank(LowRankSet(linears, rank: settings.rank, using: &generator))
    case .vmc:
      let ends = [".to_q", ".to_k", ".to_v"]
      let linears = chosen(unet.temporalLinears).filter { linear in
        linear.path.contains("transformer_in") ? false : ends.contains { linear.path.hasSuffix($0) }
      }
      self = .weights(linears.map { ($0.path, $0.weight.asParameter(), $0.weight) })
    }
  }

  var parameters: [Tensor] {
    switch self {
    case .embedding(let embedding): embedding.parameters
    case .lowRank(let set): set.parameters
    case .weights(let list): list.map(\.weight)
    }
  }

  /// Whether a step draws a seed for dropout.
  var drops: Bool { if case .lowRank = self { true } else { false } }

  func adapters(dropout: Float, seed: Int) -> Adapters {
    switch self {
    case .embedding(let embedding): Adapters(motion: embedding.blocks)
    case .lowRank(let set): Adapters(lora: set.adapters(dropout: dropout, seed: seed))
    case .weights(let list):
      Adapters(weights: Dictionary(uniqueKeysWithValues: list.map { ($0.path, $0.weight) }))
    }
  }

  /// What was learned, without gradients.
  func learned() -> MotionEmbedding {
    switch self {
    case .embedding(let embedding): return embedding.detached()
    case .lowRank(let set): return MotionEmbedding(blocks: [:], lora: set.detached())
    case .weights(let list):
      let differences = list.map { (path: $0.path, tensor: $0.weight.detached() - $0.base.widened()) }
      return MotionEmbedding(blocks: [:], differences: differences)
    }
  }
}
