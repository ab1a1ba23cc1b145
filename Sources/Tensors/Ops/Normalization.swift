import Kernels

extension Tensor {
  /// Group norm of (N, ..., C): statistics per n and group of channels over everything between, then SiLU where asked.
  public func groupNorm(
    groups: Int, _ weight: Tensor, _ bias: Tensor, epsilon: Float, silu: Bool = false
  ) -> Tensor {
    let channels = shape[rank - 1]
    precondition(
      rank >= 2 && channels % groups == 0 && weight.count == channels && bias.count == channels,
      "groupNorm: \(shape) in \(groups) groups with weight \(weight.shape)")
    let plan = GroupNormShape(
      batches: shape[0], rows: count / (shape[0] * channels), channels: channels, groups: groups)
    let (x, w, b) = (detached(), weight.detached(), bias.detached())
    var statistics: (mean: [Float], rstd: [Float]) = ([], [])
    let y = withExtendedLifetime((x, w, b)) {
      Tensor(shape) { y in
        statistics = plan.forward(x.pointer, w.pointer, b.pointer, epsilon: epsilon, silu: silu, y)
      }
    }
    let (needsX, needsParameters) = (node != nil, weight.node != nil || bias.node != nil)
    return y.recorded([self, weight, bias]) { [statistics] dy in
      withExtendedLifetime((x, w, b, dy)) {
        let dx = needsX ? Tensor(x.shape) { _ in } : nil
        let dw = needsParameters ? Tensor([channels]) { _ in } : nil
        let db = needsParameters ? Tensor([channels]) { _ in } : nil
        plan.pullback(
          x.pointer, dy.pointer, w.pointer, b.pointer, mean: statistics.mean, rstd: statistics.rstd, silu: silu,
          dx?.target, dw?.target, db?.target)
        return [dx, dw, db]
      }
    }
  }

  /// Layer norm over the last axis.
  public func layerNorm(_ weight: Tensor, _ bias: Tensor, epsilon: Float) -> Tensor {
    let columns = shape[rank - 1]
    precondition(
      weight.count == columns && bias.count == columns, "layerNorm: \(shape) with weight \(weight.shape)")
    let plan = LayerNormShape(rows: count / columns, columns: columns)
    let (x, w) = (detached(), weight.detached())
    let mean = Tensor([count / columns]) { _ in }
    let rstd = Tensor([count / columns]) { _ in }
    let y = withExtendedLifetime((x, w, bias, mean, rstd)) {
      Tensor(shape) { y in
        plan.forward(x.pointer, w.pointer, bias.pointer, epsilon: epsilon, y, mean.target, rstd.target)
      }
    }
    let needsParameters = weight.node != nil || bias.node != nil
    return y.recorded([self, weight, bias]) { dy in
      withExtendedLifetime((x, w, mean, rstd, dy)) {
        let dx = Tensor(x.shape) { _ in }
        let dw = needsParameters ? Tensor([columns]) { _ in } : nil
        let db = needsParameters ? Tensor([columns]) { _ in } : nil
        plan.pullback(
          x.pointer, w.pointer, mean.pointer, rstd.pointer, dy.pointer, dx.target, dw?.target, db?.target)
        return [dx, dw, db]
      }
    }
  }

  /// Memory that is still being filled by a kernel with several results.
  var target: UnsafeMutablePointer<Float> { UnsafeMutablePointer(mutating: pointer) }
}
