import Kernels

extension Tensor {
  /// The same elements under another shape; one length may be -1.
  public func reshaped(_ shape: [Int]) -> Tensor {
    var target = shape
    if let open = shape.firstIndex(of: -1) {
      let rest = shape.enumerated().reduce(1) { $1.offset == open ? $0 : $0 * $1.element }
      target[open] = rest == 0 ? 0 : count / rest
    }
    precondition(target.reduce(1, *) == count, "reshaped: \(self.shape) to \(shape)")
    let view = Tensor(storage: storage, shape: target, dtype: dtype, offset: offset)
    return view.recorded([self]) { [shape = self.shape] dy in [dy.reshaped(shape)] }
  }

  /// A copy with the axes in another order: axis i of the result is axis axes[i] of self.
  public func permuted(_ axes: [Int]) -> Tensor {
    precondition(axes.sorted() == Array(0..<rank), "permuted: axes \(axes) of \(shape)")
    let y = withExtendedLifetime(self) {
      Tensor(axes.map { shape[$0] }) { Movement.permute(pointer, shape, axes, $0) }
    }
    var inverse = axes
    for (i, axis) in axes.enumerated() { inverse[axis] = i }
    return y.recorded([self]) { dy in [dy.permuted(inverse)] }
  }

  /// The elements whose index along `axis` lies in `range`; no copy along the first axis.
  public func sliced(axis: Int, _ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= shape[axis], "sliced: \(range) of \(shape)")
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    var part = shape
    part[axis] = range.count
    let start = range.lowerBound * inner
    let y: Tensor
    if outer == 1 {
      y = Tensor(storage: storage, shape: part, dtype: dtype, offset: offset + start)
    } else {
      y = withExtendedLifetime(self) {
        Tensor(part) {
          Movement.copyRuns(
            outer, width: range.count * inner, from: pointer + start, stride: shape[axis] * inner, to: $0,
            stride: range.count * inner)
        }
      }
    }
    return y.recorded([self]) { [shape] dy in
      [
        withExtendedLifetime(dy) {
          Tensor(shape) { dx in
            Elementwise.clear(dx, count: shape.reduce(1, *))
            Movement.copyRuns(
              outer, width: range.count * inner, from: dy.pointer, stride: range.count * inner, to: dx + start,
              stride: shape[axis] * inner)
          }
        }
      ]
    }
  }

  /// The parts one after the other along `axis`.
  public static func concatenated(_ parts: [Tensor], axis: Int) -> Tensor {
    precondition(!parts.isEmpty, "concatenated: nothing")
    var shape = parts[0].shape
    shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    for part in parts {
      var expected = shape
      expected[axis] = part.shape[axis]
      precondition(part.shape == expected, "concatenated: \(parts.map(\.shape)) along axis \(axis)")
    }
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    let y = withExtendedLifetime(parts) {
      Tensor(shape) { target in
        var start = 0
        for part in parts {
          let width = part.shape[axis] * inner
          Movement.copyRuns(
            outer, width: width, from: part.pointer, stride: width, to: target + start,
            stride: shape[axis] * inner)
          start += width
        }
      }
    }
    return y.recorded(parts) { [lengths = parts.map { $0.shape[axis] }, wanted = parts.map { $0.node != nil }] dy in
      var start = 0
      return zip(lengths, wanted).map { length, wanted in
        defer { start += length }
        return wanted ? dy.sliced(axis: axis, start..<start + length) : nil
      }
    }
  }

  /// Nearest-neighbour resize of (N, H, W, C), as torch's `interpolate(mode="nearest")`.
  public func upsampledNearest(height: Int, width: Int) -> Tensor {
    precondition(rank == 4, "upsampledNearest: \(shape)")
    let (images, fromHeight, fromWidth, channels) = (shape[0], shape[1], shape[2], shape[3])
    let y = withExtendedLifetime(self) {
      Tensor([images, height, width, channels]) {
        Movement.resizeNearest(
          pointer, images: images, height: fromHeight, width: fromWidth, channels: channels, toHeight: height,
          toWidth: width, $0)
      }
    }
    return y.recorded([self]) { [shape] dy in
      [
        withExtendedLifetime(dy) {
          Tensor(shape) {
            Movement.resizeNearestGradient(
              dy.pointer, images: images, height: fromHeight, width: fromWidth, channels: channels,
              toHeight: height, toWidth: width, $0)
          }
        }
      ]
    }
  }

  /// The rows of a table (V, D) in the order of `rows`: (rows.count, D).
  public func gatherRows(_ rows: [Int]) -> Tensor {
    precondition(
      rank == 2 && rows.allSatisfy { $0 >= 0 && $0 < shape[0] }, "gatherRows: rows outside a table of \(shape)")
    let width = shape[1]
    let y = withExtendedLifetime(self) {
      Tensor([rows.count, width]) { target in
        for (i, row) in rows.enumerated() {
          (target + i * width).update(from: pointer + row * width, count: width)
        }
      }
    }
    return y.recorded([self]) { [shape] dy in
      [
        withExtendedLifetime(dy) {
          Tensor(shape) { sums in
            sums.update(repeating: 0, count: shape[0] * width)
            for (i, row) in rows.enumerated() {
              Elementwise.accumulate(dy.pointer + i * width, into: sums + row * width, count: width)
            }
          }
        }
      ]
    }
  }
}
