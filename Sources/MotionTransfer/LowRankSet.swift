import Diffusion
import Layers
import Tensors

/// Low-rank pairs to learn, one for each of some `Linear`s.
///
/// As MotionDirector makes them: y = W x + up(down x), no alpha; down starts normal with deviation 1 / rank, up at zero.
struct LowRankSet {
  /// In the order of the model's modules.
  let pairs: [(path: String, pair: LowRank)]

  /// Draws the down matrices (r, K), one after the other.
  init(_ linears: [Linear], rank: Int, using generator: inout TorchGenerator) {
    pairs = linears.map { linear in
      let (outputs, inputs) = (linear.weight.shape[0], linear.weight.shape[1])
      let down = generator.randn([rank, inputs]) * (1 / Float(rank))
      return (
        linear.path,
        LowRank(down: down.asParameter(), up: Tensor.zeros([outputs, rank]).asParameter(), scale: 1)
      )
    }
  }

  var parameters: [Tensor] { pairs.flatMap { [$0.pair.up, $0.pair.down] } }

  /// The adapters of one learning step; the i-th pair drops by the seed + i.
  func adapters(dropout: Float, seed: Int) -> [String: [LowRank]] {
    var adapters: [String: [LowRank]] = [:]
    for (index, (path, pair)) in pairs.enumerated() {
      var pair = pair
      if dropout > 0 { pair.dropout = Dropout(probability: dropout, seed: UInt64(seed + index)) }
      adapters[path] = [pair]
    }
    return adapters
  }

  /// The adapters of a step that does not teach them.
  func frozen(dropout: Float, seed: Int) -> [String: [LowRank]] {
    adapters(dropout: dropout, seed: seed).mapValues { pairs in
      pairs.map { LowRank(down: $0.down.detached(), up: $0.up.detached(), scale: $0.scale, dropout: $0.dropout) }
    }
  }

  /// The same without gradients.
  func detached() -> [(path: String, pair: LowRank)] {
    pairs.map { path, pair in
      (path, LowRank(down: pair.down.detached(), up: pair.up.detached(), scale: pair.scale))
    }
  }
}

extension LowRankTargets {
  /// The `Linear`s of temporal transformers that these targets name; MotionDirector's rule, and TAP's.
  func select(_ linears: [Linear]) -> [Linear] {
    let ends: [String] =
      switch self {
      case .all: ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
      case .key: ["to_k"]
      case .keyOutput: ["to_k", "to_out.0"]
      case .queryKey: ["to_q", "to_k"]
      case .queryKeyValue: ["to_q", "to_k", "to_v"]
      }
    return linears.filter { linear in ends.contains { linear.path.hasSuffix("." + $0) } }
  }

  /// The `Linear`s of spatial transformers that a hybrid loss learns: self-attention and feed-forward, so that text keeps
  /// its hold.
  static func appearance(_ linears: [Linear]) -> [Linear] {
    LowRankTargets.all.select(linears).filter { !$0.path.contains(".attn2.") }
  }
}

extension TorchGenerator {
  /// A seed of 31 bits, as `torch.randint(0, 2**31, (1,))` draws it.
  mutating func drawSeed() -> Int { randint(below: 1 << 31) }
}
