/// Copies that reorder memory.
public enum Movement {
  /// A plain copy, on all threads.
  public static func copyBytes(_ count: Int, from x: UnsafeRawPointer, to y: UnsafeMutableRawPointer) {
    ThreadPool.shared.forRanges(count, grain: 1 << 18) { range in
      (y + range.lowerBound).copyMemory(from: x + range.lowerBound, byteCount: range.count)
    }
  }

  /// y = x with its axes in the order `axes` (y's axis i is x's axis axes[i]).
  public static func permute(
    _ x: UnsafePointer<Float>, _ shape: [Int], _ axes: [Int], _ y: UnsafeMutablePointer<Float>
  ) {
    let rank = shape.count
    var steps = [Int](repeating: 1, count: rank)
    for i in (0..<max(rank - 1, 0)).reversed() { steps[i] = steps[i + 1] * shape[i + 1] }
    let lengths = axes.map { shape[$0] }
    let sources = axes.map { steps[$0] }
    let inner = lengths.last ?? 1
    let step = sources.last ?? 1
    let outer = lengths.dropLast().reduce(1, *)
    ThreadPool.shared.forRanges(outer, grain: max(1, 16_384 / max(inner, 1))) { range in
      for run in range {
        var rest = run
        var from = 0
        for axis in stride(from: rank - 2, through: 0, by: -1) {
          let (quotient, position) = rest.quotientAndRemainder(dividingBy: lengths[axis])
          from += position * sources[axis]
          rest = quotient
        }
        let target = y + run * inner
        if step == 1 {
          target.update(from: x + from, count: inner)
        } else {
          for i in 0..<inner { target[i] = x[from + i * step] }
        }
      }
    }
  }

  /// Copies `rows` runs of `width` floats between buffers with different distances between runs.
  public static func copyRuns(
    _ rows: Int, width: Int, from x: UnsafePointer<Float>, stride xStride: Int,
    to y: UnsafeMutablePointer<Float>, stride yStride: Int
  ) {
    ThreadPool.shared.forRanges(rows, grain: max(1, 65_536 / max(width, 1))) { range in
      for row in range { (y + row * yStride).update(from: x + row * xStride, count: width) }
    }
  }

  /// Nearest-neighbour resize of (N, H, W, C), source index floor(i * H / height) as torch's `interpolate`.
  public static func resizeNearest(
    _ x: UnsafePointer<Float>, images: Int, height: Int, width: Int, channels: Int, toHeight: Int, toWidth: Int,
    _ y: UnsafeMutablePointer<Float>
  ) {
    ThreadPool.shared.forRanges(images * toHeight, grain: max(1, 65_536 / (toWidth * channels))) { range in
      for row in range {
        let (image, oy) = row.quotientAndRemainder(dividingBy: toHeight)
        let source = x + (image * height + oy * height / toHeight) * width * channels
        let target = y + row * toWidth * channels
        for ox in 0..<toWidth {
          (target + ox * channels).update(from: source + ox * width / toWidth * channels, count: channels)
        }
      }
    }
  }

  /// The gradient of `resizeNearest`: sums dy over the pixels that each source pixel went to.
  public static func resizeNearestGradient(
    _ dy: UnsafePointer<Float>, images: Int, height: Int, width: Int, channels: Int, toHeight: Int,
    toWidth: Int, _ dx: UnsafeMutablePointer<Float>
  ) {
    ThreadPool.shared.forEach(images) { image in
      (dx + image * height * width * channels).update(repeating: 0, count: height * width * channels)
      for oy in 0..<toHeight {
        for ox in 0..<toWidth {
          let target = dx + ((image * height + oy * height / toHeight) * width + ox * width / toWidth) * channels
          let source = dy + ((image * toHeight + oy) * toWidth + ox) * channels
          for c in 0..<channels { target[c] += source[c] }
        }
      }
    }
  }
}
