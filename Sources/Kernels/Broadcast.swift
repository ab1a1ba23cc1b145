import CKernels

/// Walks two operands over a common shape, numpy's rules: an axis of length one is repeated.
public struct Broadcast {
  /// Lengths of the collapsed axes, outermost first, and each operand's step along them (0: repeated).
  private var lengths: [Int] = []
  private var left: [Int] = []
  private var right: [Int] = []

  /// Which arithmetic.
  public enum Operation: Sendable { case add, subtract, multiply }

  /// The common shape, or nil where the shapes do not fit.
  public static func shape(_ a: [Int], _ b: [Int]) -> [Int]? {
    let rank = max(a.count, b.count)
    var result: [Int] = []
    for i in 0..<rank {
      let x = i < rank - a.count ? 1 : a[i - rank + a.count]
      let y = i < rank - b.count ? 1 : b[i - rank + b.count]
      guard x == y || x == 1 || y == 1 else { return nil }
      result.append(x == 1 ? y : x)
    }
    return result
  }

  /// A walk over `shape`, which is the common shape of `a` and `b`.
  public init(_ a: [Int], _ b: [Int], over shape: [Int]) {
    let aSteps = Self.steps(a, over: shape)
    let bSteps = Self.steps(b, over: shape)
    for i in shape.indices where shape[i] != 1 {
      // Merge with the axis before where both operands run on without a gap.
      if let last = lengths.indices.last, left[last] == aSteps[i] * shape[i], right[last] == bSteps[i] * shape[i] {
        lengths[last] *= shape[i]
        left[last] = aSteps[i]
        right[last] = bSteps[i]
      } else {
        lengths.append(shape[i])
        left.append(aSteps[i])
        right.append(bSteps[i])
      }
    }
    if lengths.isEmpty { (lengths, left, right) = ([1], [0], [0]) }
  }

  private static func steps(_ shape: [Int], over common: [Int]) -> [Int] {
    var result = [Int](repeating: 0, count: common.count)
    var step = 1
    for i in shape.indices.reversed() {
      result[common.count - shape.count + i] = shape[i] == 1 ? 0 : step
      step *= shape[i]
    }
    return result
  }

  /// Calls `body` with the operands' offsets and the flat index of each innermost run, in parallel pieces.
  private func forEachRun(parallel: Bool, _ body: (_ a: Int, _ b: Int, _ run: Int) -> Void) {
    let outer = lengths.dropLast().reduce(1, *)
    let inner = lengths[lengths.count - 1]
    func walk(_ range: Range<Int>) {
      for run in range {
        var rest = run
        var a = 0
        var b = 0
        for axis in stride(from: lengths.count - 2, through: 0, by: -1) {
          let (quotient, position) = rest.quotientAndRemainder(dividingBy: lengths[axis])
          a += position * left[axis]
          b += position * right[axis]
          rest = quotient
        }
        body(a, b, run)
      }
    }
    if parallel {
      ThreadPool.shared.forRanges(outer, grain: max(1, 65_536 / inner), walk)
    } else {
      walk(0..<outer)
    }
  }

  /// y = a (op) b
  public func apply(
    _ operation: Operation, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let inner = lengths[lengths.count - 1]
    let (stepA, stepB) = (left[lengths.count - 1], right[lengths.count - 1])
    // One long run is cut in pieces, so that all threads take part.
    if lengths.count == 1, inner > 65_536 {
      ThreadPool.shared.forRanges(inner, grain: 65_536) { range in
        let first = range.lowerBound
        Self.run(operation, a + first * stepA, stepA, b + first * stepB, stepB, y + first, range.count)
      }
      return
    }
    forEachRun(parallel: true) { atA, atB, run in
      Self.run(operation, a + atA, stepA, b + atB, stepB, y + run * inner, inner)
    }
  }

  private static func run(
    _ operation: Operation, _ a: UnsafePointer<Float>, _ stepA: Int, _ b: UnsafePointer<Float>, _ stepB: Int,
    _ y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    switch (operation, stepA, stepB) {
    case (.add, 1, 1): mtk_add(a, b, y, count)
    case (.subtract, 1, 1): mtk_subtract(a, b, y, count)
    case (.multiply, 1, 1): mtk_multiply(a, b, y, count)
    case (.add, 1, 0): mtk_affine(a, 1, b[0], y, count)
    case (.add, 0, 1): mtk_affine(b, 1, a[0], y, count)
    case (.subtract, 1, 0): mtk_affine(a, 1, -b[0], y, count)
    case (.subtract, 0, 1): mtk_affine(b, -1, a[0], y, count)
    case (.multiply, 1, 0): mtk_affine(a, b[0], 0, y, count)
    case (.multiply, 0, 1): mtk_affine(b, a[0], 0, y, count)
    case (.add, _, _): y.update(repeating: a[0] + b[0], count: count)
    case (.subtract, _, _): y.update(repeating: a[0] - b[0], count: count)
    case (.multiply, _, _): y.update(repeating: a[0] * b[0], count: count)
    }
  }

  /// Adds a (the full shape) to the places of y (the second operand) that it was repeated from.
  public func reduce(_ a: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    let inner = lengths[lengths.count - 1]
    let step = right[lengths.count - 1]
    forEachRun(parallel: false) { atA, atY, _ in
      if step == 0 {
        y[atY] += Float(mtk_sum(a + atA, inner))
      } else {
        mtk_accumulate(a + atA, 1, y + atY, inner)
      }
    }
  }
}
