import Tensors

/// A linear map from n samples along an axis to m, as a matrix (m, n): what torch's `interpolate` does.
struct Interpolation {
  let from: Int
  let to: Int
  /// (m, n) by rows
  let rows: [[Float]]

  private init(_ from: Int, _ to: Int, _ rows: [[Float]]) {
    self.from = from
    self.to = to
    self.rows = rows
  }

  /// Linear, pixels being areas (`align_corners` false), the ends repeated.
  static func linear(_ from: Int, _ to: Int) -> Interpolation {
    let scale = Double(from) / Double(to)
    let rows = (0..<to).map { i in
      let place = max((Double(i) + 0.5) * scale - 0.5, 0)
      let low = min(Int(place), from - 1)
      let high = min(low + 1, from - 1)
      var row = [Float](repeating: 0, count: from)
      row[low] += Float(1 - (place - Double(low)))
      row[high] += Float(place - Double(low))
      return row
    }
    return Interpolation(from, to, rows)
  }

  /// Frames of a clip at another number of frames: moments, of which the first and the last stay what they are.
  ///
  /// - Parameter mixing: whether moments between two frames are mixed of both; else the closer one is taken, the later of
  ///   two that are as close
  static func moments(_ from: Int, _ to: Int, mixing: Bool) -> Interpolation {
    let steps = max(to - 1, 1)
    let rows = (0..<to).map { i in
      let (low, rest) = (i * (from - 1)).quotientAndRemainder(dividingBy: steps)
      var row = [Float](repeating: 0, count: from)
      if mixing {
        row[low] = 1 - Float(rest) / Float(steps)
        if rest > 0 { row[low + 1] = Float(rest) / Float(steps) }
      } else {
        row[2 * rest >= steps ? low + 1 : low] = 1
      }
      return row
    }
    return Interpolation(from, to, rows)
  }

  /// The sample below each place.
  static func nearest(_ from: Int, _ to: Int) -> Interpolation {
    let rows = (0..<to).map { i in
      var row = [Float](repeating: 0, count: from)
      row[i * from / to] = 1
      return row
    }
    return Interpolation(from, to, rows)
  }

  /// Triangle filter as wide as a step, as torch does with `antialias` and `align_corners`: the scale is that of aligned
  /// corners, the centres are those of areas.
  static func antialiased(_ from: Int, _ to: Int) -> Interpolation {
    let scale = to > 1 ? Float(from - 1) / Float(to - 1) : 0
    let support = max(scale, 1)
    let rows = (0..<to).map { i in
      let center = scale * (Float(i) + 0.5)
      let first = max(Int(center - support + 0.5), 0)
      let last = min(Int(center + support + 0.5), from)
      var row = [Float](repeating: 0, count: from)
      for j in first..<max(first, last) { row[j] = max(1 - abs((Float(j) - center + 0.5) / support), 0) }
      let sum = row.reduce(0, +)
      return sum == 0 ? row : row.map { $0 / sum }
    }
    return Interpolation(from, to, rows)
  }

  /// Applied to one axis.
  func callAsFunction(_ x: Tensor, axis: Int) -> Tensor {
    precondition(x.shape[axis] == from, "interpolation of \(from) samples on \(x.shape)")
    // The axis goes last, where `linear` works, and back.
    var order = Array(0..<x.rank)
    order.remove(at: axis)
    order.append(axis)
    var back = Array(0..<x.rank - 1)
    back.insert(x.rank - 1, at: axis)
    return x.permuted(order).linear(Tensor(rows.flatMap { $0 }, shape: [to, from]), nil).permuted(back)
  }
}
