import Kernels

extension Tensor {
  /// Cosines of the angles between the vectors of self and `target` that lie along `axis`, which is left out of the
  /// result's shape (torch's `cosine_similarity`). No gradient flows to `target`.
  public func cosineSimilarity(_ target: Tensor, axis: Int) -> Tensor {
    precondition(shape == target.shape, "cosineSimilarity: \(shape) against \(target.shape)")
    let plan = CosineSimilarity(
      outer: shape[..<axis].reduce(1, *), length: shape[axis], inner: shape[(axis + 1)...].reduce(1, *))
    let (a, b) = (detached(), target.detached())
    let y = withExtendedLifetime((a, b)) {
      Tensor(Array(shape[..<axis] + shape[(axis + 1)...])) { plan.forward(a.pointer, b.pointer, $0) }
    }
    return y.recorded([self]) { dy in
      [withExtendedLifetime((a, b, dy)) { Tensor(a.shape) { plan.pullback(a.pointer, b.pointer, dy.pointer, $0) } }]
    }
  }
}
