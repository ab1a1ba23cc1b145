import CKernels

/// Group normalisation over channels-last data: x (N, L, C), statistics per n and group over all L.
public struct GroupNormShape {
  let batches, rows, channels, groups: Int

  /// Describes a group norm: N, L, C and the number of groups, which divides C.
  public init(batches: Int, rows: Int, channels: Int, groups: Int) {
    self.batches = batches
    self.rows = rows
    self.channels = channels
    self.groups = groups
  }

  private var groupSize: Int { channels / groups }
  private var piece: Int { max(64, (65_536 / channels + 63) & ~63) }
  private var pieces: Int { (rows + piece - 1) / piece }

  /// Calls `body` with the batch, the piece's index and its rows, for all pieces, in parallel.
  private func forEachPiece(_ body: (_ batch: Int, _ index: Int, _ offset: Int, _ count: Int) -> Void) {
    ThreadPool.shared.forEach(batches * pieces) { job in
      let (batch, index) = job.quotientAndRemainder(dividingBy: pieces)
      let first = index * piece
      body(batch, index, (batch * rows + first) * channels, min(piece, rows - first))
    }
  }

  /// Per batch and channel, two sums over all rows, added piece by piece in order. Result: (N, 2, C).
  private func columnSums(
    _ body: (_ offset: Int, _ count: Int, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  ) -> [Double] {
    let width = 2 * channels
    var sums = [Double](repeating: 0, count: batches * width)
    withScratch(batches * pieces * width * 2) { raw in
      let partial = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: Double.self)
      partial.update(repeating: 0, count: batches * pieces * width)
      forEachPiece { batch, index, offset, count in
        let target = partial + (batch * pieces + index) * width
        body(offset, count, target, target + channels)
      }
      for batch in 0..<batches {
        for index in 0..<pieces {
          let source = partial + (batch * pieces + index) * width
          for c in 0..<width { sums[batch * width + c] += source[c] }
        }
      }
    }
    return sums
  }

  /// y = (x - mean) * rstd * weight + bias, then SiLU where asked; returns mean and rstd, (N, groups) each.
  public func forward(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, epsilon: Float,
    silu: Bool, _ y: UnsafeMutablePointer<Float>
  ) -> (mean: [Float], rstd: [Float]) {
    let sums = columnSums { offset, count, first, second in
      mtk_column_moments(x + offset, first, second, count, channels)
    }
    let total = Double(rows * groupSize)
    var mean: [Float] = []
    var rstd: [Float] = []
    for batch in 0..<batches {
      for group in 0..<groups {
        var first = 0.0
        var second = 0.0
        for c in group * groupSize..<(group + 1) * groupSize {
          first += sums[batch * 2 * channels + c]
          second += sums[(batch * 2 + 1) * channels + c]
        }
        let m = first / total
        mean.append(Float(m))
        rstd.append(Float(1 / (max(0, second / total - m * m) + Double(epsilon)).squareRoot()))
      }
    }
    let (scale, shift) = affine(mean, rstd, weight, bias)
    forEachPiece { batch, _, offset, count in
      scale.withUnsafeBufferPointer { scale in
        shift.withUnsafeBufferPointer { shift in
          mtk_column_affine(
            x + offset, scale.baseAddress! + batch * channels, shift.baseAddress! + batch * channels,
            y + offset, silu ? 1 : 0, count, channels)
        }
      }
    }
    return (mean, rstd)
  }

  /// The normalisation as one scale and shift per batch and channel: (N, C) each.
  private func affine(
    _ mean: [Float], _ rstd: [Float], _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>
  ) -> (scale: [Float], shift: [Float]) {
    var scale: [Float] = []
    var shift: [Float] = []
    for batch in 0..<batches {
      for c in 0..<channels {
        let group = batch * groups + c / groupSize
        let a = rstd[group] * weight[c]
        scale.append(a)
        shift.append(bias[c] - mean[group] * a)
      }
    }
    return (scale, shift)
  }

  /// dx, and dweight and dbias (C) where asked; all overwritten.
  public func pullback(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ bias: UnsafePointer<Float>, mean: [Float], rstd: [Float], silu: Bool, _ dx: UnsafeMutablePointer<Float>?,
    _ dweight: UnsafeMutablePointer<Float>?, _ dbias: UnsafeMutablePointer<Float>?
  ) {
    let (scale, shift) = affine(mean, rstd, weight, bias)
    // S1 = Σ dh and S2 = Σ dh·x per batch and channel
    let sums = scale.withUnsafeBufferPointer { a in
      shift.withUnsafeBufferPointer { b in
        columnSums { offset, count, first, second in
          let at = offset / (rows * channels) * channels
          mtk_column_affine_sums(
            x + offset, dy + offset, a.baseAddress! + at, b.baseAddress! + at, silu ? 1 : 0, first, second,
            count, channels)
        }
      }
    }
    parameterGradients(sums, mean, rstd, dweight, dbias)
    guard let dx else { return }
    // dx = dh·p + x·q + t, from dx = rstd (w dh - m1 - x̂ m2), m1 and m2 the group means of w dh and w dh x̂
    var p = [Float](repeating: 0, count: batches * channels)
    var q = p
    var t = p
    let total = Double(rows * groupSize)
    for batch in 0..<batches {
      for group in 0..<groups {
        let m = Double(mean[batch * groups + group])
        let s = Double(rstd[batch * groups + group])
        var m1 = 0.0
        var m2 = 0.0
        for c in group * groupSize..<(group + 1) * groupSize {
          let first = sums[batch * 2 * channels + c]
          let second = sums[(batch * 2 + 1) * channels + c]
          m1 += Double(weight[c]) * first
          m2 += Double(weight[c]) * (second - m * first) * s
        }
        m1 /= total
        m2 /= total
        for c in group * groupSize..<(group + 1) * groupSize {
          p[batch * channels + c] = Float(s * Double(weight[c]))
          q[batch * channels + c] = Float(-s * s * m2)
          t[batch * channels + c] = Float(-s * m1 + m * s * s * m2)
        }
      }
    }
    let tables = [scale, shift, p, q, t].flatMap { $0 }
    tables.withUnsafeBufferPointer { tables in
      forEachPiece { batch, _, offset, count in
        let at = tables.baseAddress! + batch * channels
        let step = batches * channels
        mtk_column_affine_pullback(
          x + offset, dy + offset, at, at + step, silu ? 1 : 0, at + 2 * step, at + 3 * step, at + 4 * step,
          dx + offset, count, channels)
      }
    }
  }

  private func parameterGradients(
    _ sums: [Double], _ mean: [Float], _ rstd: [Float], _ dweight: UnsafeMutablePointer<Float>?,
    _ dbias: UnsafeMutablePointer<Float>?
  ) {
    guard dweight != nil || dbias != nil else { return }
    for c in 0..<channels {
      var w = 0.0
      var b = 0.0
      for batch in 0..<batches {
        let group = batch * groups + c / groupSize
        let first = sums[batch * 2 * channels + c]
        w += Double(rstd[group]) * (sums[(batch * 2 + 1) * channels + c] - Double(mean[group]) * first)
        b += first
      }
      dweight?[c] = Float(w)
      dbias?[c] = Float(b)
    }
  }
}

/// Layer normalisation of rows: x (rows, columns).
public struct LayerNormShape {
  let rows, columns: Int

  /// Describes a layer norm.
  public init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }

  private var grain: Int { max(1, 32_768 / columns) }

  /// y = (x - mean) * rstd * weight + bias; mean and rstd: one per row.
  public func forward(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, epsilon: Float,
    _ y: UnsafeMutablePointer<Float>, _ mean: UnsafeMutablePointer<Float>, _ rstd: UnsafeMutablePointer<Float>
  ) {
    ThreadPool.shared.forRanges(rows, grain: grain) { range in
      let at = range.lowerBound * columns
      mtk_layer_norm(
        x + at, weight, bias, epsilon, y + at, mean + range.lowerBound, rstd + range.lowerBound, range.count,
        columns)
    }
  }

  /// dx, and dweight and dbias where asked; all overwritten.
  public func pullback(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ mean: UnsafePointer<Float>,
    _ rstd: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
    _ dweight: UnsafeMutablePointer<Float>?, _ dbias: UnsafeMutablePointer<Float>?
  ) {
    // A fixed number of parts keeps the sums of the parameter gradients in one order.
    let parts = min(8, max(1, rows / 16))
    let share = (rows + parts - 1) / parts
    withScratch(parts * 2 * columns) { partial in
      partial.update(repeating: 0, count: parts * 2 * columns)
      ThreadPool.shared.forEach(parts) { part in
        let first = part * share
        let count = min(share, rows - first)
        guard count > 0 else { return }
        let w = partial + part * 2 * columns
        mtk_layer_norm_pullback(
          x + first * columns, weight, mean + first, rstd + first, dy + first * columns, dx + first * columns,
          dweight == nil ? nil : w, dbias == nil ? nil : w + columns, count, columns)
      }
      for (target, at) in [(dweight, 0), (dbias, columns)] {
        guard let target else { continue }
        target.update(repeating: 0, count: columns)
        for part in 0..<parts { mtk_accumulate(partial + part * 2 * columns + at, 1, target, columns) }
      }
    }
  }
}
