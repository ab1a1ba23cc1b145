/// Cosines between vectors that lie along the middle axis of (outer, length, inner) arrays.
public struct CosineSimilarity {
  let outer, length, inner: Int
  /// Norms count as at least this, as in torch.
  private static let smallestNorm = 1e-8

  /// Describes arrays (outer, length, inner).
  public init(outer: Int, length: Int, inner: Int) {
    self.outer = outer
    self.length = length
    self.inner = inner
  }

  /// Calls `body` with the place of each pair, the index of its first element, and its products: a·b, |a|, |b|.
  private func forEach(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ body: (_ pair: Int, _ first: Int, _ dot: Double, _ normA: Double, _ normB: Double) -> Void
  ) {
    for pair in 0..<outer * inner {
      let first = pair / inner * length * inner + pair % inner
      var (dot, squareA, squareB) = (0.0, 0.0, 0.0)
      for i in 0..<length {
        let (x, y) = (Double(a[first + i * inner]), Double(b[first + i * inner]))
        dot += x * y
        squareA += x * x
        squareB += y * y
      }
      body(pair, first, dot, squareA.squareRoot(), squareB.squareRoot())
    }
  }

  /// y (outer, inner) = a·b / (|a| |b|)
  public func forward(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let least = Self.smallestNorm
    forEach(a, b) { pair, _, dot, normA, normB in
      y[pair] = Float(dot / (max(normA, least) * max(normB, least)))
    }
  }

  /// da (outer, length, inner) = dy (b / (|a| |b|) - y a / |a|²); the second term is missing where |a| is too small.
  public func pullback(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ da: UnsafeMutablePointer<Float>
  ) {
    let least = Self.smallestNorm
    forEach(a, b) { pair, first, dot, normA, normB in
      let product = max(normA, least) * max(normB, least)
      let own = normA > least ? dot / product / (normA * normA) : 0
      let slope = Double(dy[pair])
      for i in stride(from: first, to: first + length * inner, by: inner) {
        da[i] = Float(slope * (Double(b[i]) / product - own * Double(a[i])))
      }
    }
  }
}
