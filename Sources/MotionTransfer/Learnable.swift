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
  /// SynMotion: low-rank additions to temporal `Linear`s, and additions to prompts.
  case dual(LowRankSet, DualText)

  /// The start of a method.
  ///
  /// - Parameter text: the start of SynMotion's additions to prompts, of a seed that is drawn last
  init(
    _ settings: Settings, _ unet: any VideoUNet, sites: [MotionSite], frames: Int,
    using generator: inout TorchGenerator, text: (UInt64) throws -> DualText
  ) throws {
    // Sites that the user chose bound the other methods, too; theirs reach further than an embedding's.
    func chosen(_ linears: [Linear]) -> [Linear] {
      settings.choosesSites
        ? linears.filter { linear in sites.contains { linear.path.hasPrefix($0.path + ".") } } : linears
    }
    switch settings.method {
    case .motionInversion:
      self = .embedding(MotionEmbedding(zeroAt: sites, frames: frames, design: settings.embeddingDesign))
    case .motionDirector, .tap, .synMotion:
      let linears = settings.lowRankTargets.select(chosen(unet.temporalLinears))
      let set = LowRankSet(linears, rank: settings.rank, using: &generator)
      self = settings.method == .synMotion ? .dual(set, try text(UInt64(generator.drawSeed()))) : .lowRank(set)
    case .vmc:
      let ends = [".to_q", ".to_k", ".to_v"]
      let linears = chosen(unet.temporalLinears).filter { linear in
        linear.path.contains("transformer_in") ? false : ends.contains { linear.path.hasSuffix($0) }
      }
      self = .weights(linears.map { ($0.path, $0.weight.asParameter(), $0.weight) })
    }
  }

  /// What every step teaches but those that see the model's own clips.
  var parameters: [Tensor] {
    switch self {
    case .dual(let set, let text): set.parameters + text.parameters
    case .embedding(let embedding): embedding.parameters
    case .lowRank(let set): set.parameters
    case .weights(let list): list.map(\.weight)
    }
  }

  /// The additions to prompts.
  var text: DualText? { if case .dual(_, let text) = self { text } else { nil } }

  /// Whether a step draws a seed for dropout.
  var drops: Bool {
    switch self {
    case .lowRank, .dual: true
    case .embedding, .weights: false
    }
  }

  /// - Parameter frozen: whether they teach nothing
  func adapters(dropout: Float, seed: Int, frozen: Bool) -> Adapters {
    switch self {
    case .embedding(let embedding): Adapters(motion: embedding.blocks)
    case .dual(let set, _):
      Adapters(lora: frozen ? set.frozen(dropout: dropout, seed: seed) : set.adapters(dropout: dropout, seed: seed))
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
    case .dual(let set, let text): return MotionEmbedding(blocks: [:], lora: set.detached(), text: text.exported())
    case .weights(let list):
      let differences = list.map { (path: $0.path, tensor: $0.weight.detached() - $0.base.widened()) }
      return MotionEmbedding(blocks: [:], differences: differences)
    }
  }
}
