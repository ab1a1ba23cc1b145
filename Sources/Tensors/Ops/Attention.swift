import Kernels

extension Tensor {
  /// softmax(q kᵀ / √width) v per head, heads side by side in the channels.
  ///
  /// - Parameters:
  ///   - q: (N, L, C)
  ///   - k, v: (M, S, C), N a multiple of M: batch n of q reads batch n / (N / M), so the frames of a clip share a prompt
  ///   - causal: position l sees positions up to l only
  public static func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, causal: Bool = false
  ) -> Tensor {
    precondition(
      q.rank == 3 && k.shape == v.shape && k.rank == 3 && q.shape[2] == k.shape[2] && q.shape[2] % heads == 0
        && q.shape[0] % k.shape[0] == 0 && (!causal || q.shape[1] == k.shape[1]),
      "attention: q \(q.shape), k \(k.shape), v \(v.shape), \(heads) heads")
    let plan = AttentionShape(
      queries: q.shape[0], queryTokens: q.shape[1], keys: k.shape[0], keyTokens: k.shape[1], heads: heads,
      width: q.shape[2] / heads, causal: causal)
    let (a, b, c) = (q.detached(), k.detached(), v.detached())
    let y = withExtendedLifetime((a, b, c)) {
      Tensor(q.shape) { plan.forward(a.pointer, b.pointer, c.pointer, $0) }
    }
    let needs = (q.node != nil, k.node != nil, v.node != nil)
    return y.recorded([q, k, v]) { dy in
      withExtendedLifetime((a, b, c, dy)) {
        let dq = needs.0 ? Tensor(a.shape) { _ in } : nil
        let dk = needs.1 ? Tensor(b.shape) { _ in } : nil
        let dv = needs.2 ? Tensor(c.shape) { _ in } : nil
        plan.pullback(a.pointer, b.pointer, c.pointer, dy.pointer, dq?.target, dk?.target, dv?.target)
        return [dq, dk, dv]
      }
    }
  }

  /// Attention of every pixel over its own frames; q, k, v, result: (B, F, P, C).
  public static func temporalAttention(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int) -> Tensor {
    precondition(
      q.rank == 4 && q.shape == k.shape && k.shape == v.shape && q.shape[3] % heads == 0,
      "temporalAttention: q \(q.shape), k \(k.shape), v \(v.shape), \(heads) heads")
    let plan = TemporalAttentionShape(
      clips: q.shape[0], frames: q.shape[1], positions: q.shape[2], heads: heads, width: q.shape[3] / heads)
    let (a, b, c) = (q.detached(), k.detached(), v.detached())
    let y = withExtendedLifetime((a, b, c)) {
      Tensor(q.shape) { plan.forward(a.pointer, b.pointer, c.pointer, $0) }
    }
    return y.recorded([q, k, v]) { dy in
      withExtendedLifetime((a, b, c, dy)) {
        let (dq, dk, dv) = (Tensor(a.shape) { _ in }, Tensor(a.shape) { _ in }, Tensor(a.shape) { _ in })
        plan.pullback(
          a.pointer, b.pointer, c.pointer, dy.pointer, dq.target, dk.target, dv.target)
        return [dq, dk, dv]
      }
    }
  }
}
