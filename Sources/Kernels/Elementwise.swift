import CKernels

/// Maps over whole buffers, split over the threads.
public enum Elementwise {
  private static let grain = 32_768

  /// Runs `kernel(offset, count)` over pieces of `count` elements.
  public static func split(_ count: Int, _ kernel: (Int, Int) -> Void) {
    ThreadPool.shared.forRanges(count, grain: grain) { kernel($0.lowerBound, $0.count) }
  }

  /// A function of one variable together with its derivative.
  public enum Function: Sendable { case silu, gelu, quickGelu, absolute }

  /// y = f(x)
  public static func apply(
    _ function: Function, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int
  ) {
    split(count) { at, n in
      switch function {
      case .silu: mtk_silu(x + at, y + at, n)
      case .gelu: mtk_gelu(x + at, y + at, n)
      case .quickGelu: mtk_quick_gelu(x + at, y + at, n)
      case .absolute: mtk_absolute(x + at, y + at, n)
      }
    }
  }

  /// dx = dy * f'(x)
  public static func pullback(
    _ function: Function, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>, count: Int
  ) {
    split(count) { at, n in
      switch function {
      case .silu: mtk_silu_pullback(x + at, dy + at, dx + at, n)
      case .gelu: mtk_gelu_pullback(x + at, dy + at, dx + at, n)
      case .quickGelu: mtk_quick_gelu_pullback(x + at, dy + at, dx + at, n)
      case .absolute: mtk_absolute_pullback(x + at, dy + at, dx + at, n)
      }
    }
  }

  /// y = x * scale + shift
  public static func affine(
    _ x: UnsafePointer<Float>, scale: Float, shift: Float, _ y: UnsafeMutablePointer<Float>, count: Int
  ) {
    split(count) { at, n in mtk_affine(x + at, scale, shift, y + at, n) }
  }

  /// y += x * scale
  public static func accumulate(
    _ x: UnsafePointer<Float>, scale: Float = 1, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    split(count) { at, n in mtk_accumulate(x + at, scale, y + at, n) }
  }

  /// y = 0
  public static func clear(_ y: UnsafeMutablePointer<Float>, count: Int) {
    split(count) { at, n in (y + at).update(repeating: 0, count: n) }
  }

  /// y = a * gelu(g) for rows whose halves are a and g; x: (rows, 2h), y: (rows, h).
  public static func geglu(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, half: Int
  ) {
    ThreadPool.shared.forRanges(rows, grain: max(1, grain / half)) { range in
      let first = range.lowerBound
      mtk_geglu(x + first * 2 * half, y + first * half, range.count, half)
    }
  }

  /// dx (rows, 2h) of `geglu`.
  public static func gegluPullback(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, rows: Int,
    half: Int
  ) {
    ThreadPool.shared.forRanges(rows, grain: max(1, grain / half)) { range in
      let first = range.lowerBound
      mtk_geglu_pullback(x + first * 2 * half, dy + first * half, dx + first * 2 * half, range.count, half)
    }
  }

  /// Widens half-precision values.
  public static func widen(
    _ x: UnsafePointer<UInt16>, brain: Bool, _ y: UnsafeMutablePointer<Float>, count: Int
  ) {
    split(count) { at, n in
      if brain { mtk_widen_bfloat16(x + at, y + at, n) } else { mtk_widen_float16(x + at, y + at, n) }
    }
  }
}

/// Sums whose order never depends on the number of threads.
public enum Reduction {
  /// The sum of all elements.
  public static func sum(_ x: UnsafePointer<Float>, count: Int) -> Double {
    partial(count) { at, n in mtk_sum(x + at, n) }
  }

  /// The sum of squared differences.
  public static func squaredDifference(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Double {
    partial(count) { at, n in mtk_squared_difference(a + at, b + at, n) }
  }

  /// Adds the column sums of x (rows, columns) to `sums`.
  public static func columns(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into sums: UnsafeMutablePointer<Float>
  ) {
    let parts = min(16, max(1, rows / 64))
    let share = (rows + parts - 1) / parts
    withScratch(parts * columns) { partial in
      partial.update(repeating: 0, count: parts * columns)
      ThreadPool.shared.forEach(parts) { part in
        let count = min(share, rows - part * share)
        if count > 0 { mtk_column_sum(x + part * share * columns, partial + part * columns, count, columns) }
      }
      for part in 0..<parts { mtk_accumulate(partial + part * columns, 1, sums, columns) }
    }
  }

  private static func partial(_ count: Int, _ body: (Int, Int) -> Double) -> Double {
    let piece = 65_536
    var total = 0.0
    for at in stride(from: 0, to: count, by: piece) { total += body(at, min(piece, count - at)) }
    return total
  }
}
