/// Principal axes of a symmetric matrix by cyclic Jacobi rotations: exact, short, quick enough for a few hundred rows.
enum PrincipalAxes {
  /// - Parameters:
  ///   - matrix: symmetric, (order, order) row-major.
  ///   - order: number of rows.
  /// - Returns: eigenvalues, largest first, and their unit eigenvectors as rows. Each vector's largest component is
  ///   positive, so that the result is unique.
  static func of(_ matrix: [Double], order: Int) -> (values: [Double], vectors: [[Double]]) {
    var a = matrix
    var rows = (0..<order).map { row in (0..<order).map { $0 == row ? 1.0 : 0.0 } }
    let scale = (0..<order).reduce(0) { max($0, abs(a[$1 * order + $1])) }
    for _ in 0..<30 {
      var largest = 0.0
      for p in 0..<order {
        for q in (p + 1)..<max(order, p + 1) {
          let element = a[p * order + q]
          largest = max(largest, abs(element))
          if abs(element) > scale * 1e-13 { rotate(&a, &rows, order, p, q) }
        }
      }
      if largest <= scale * 1e-12 { break }
    }
    let ranked = (0..<order).sorted { a[$0 * order + $0] > a[$1 * order + $1] }
    let vectors = ranked.map { index in
      let vector = rows[index]
      let peak = vector.max { abs($0) < abs($1) } ?? 1
      return peak < 0 ? vector.map { -$0 } : vector
    }
    return (ranked.map { a[$0 * order + $0] }, vectors)
  }

  /// Makes element (p, q) zero (Golub and Van Loan, Matrix Computations, section 8.5).
  private static func rotate(_ a: inout [Double], _ rows: inout [[Double]], _ order: Int, _ p: Int, _ q: Int) {
    let tau = (a[q * order + q] - a[p * order + p]) / (2 * a[p * order + q])
    let t = (tau >= 0 ? 1 : -1) / (abs(tau) + (1 + tau * tau).squareRoot())
    let c = 1 / (1 + t * t).squareRoot()
    let s = t * c
    a.withUnsafeMutableBufferPointer { a in
      for k in 0..<order {
        let (x, y) = (a[k * order + p], a[k * order + q])
        a[k * order + p] = c * x - s * y
        a[k * order + q] = s * x + c * y
      }
      for k in 0..<order {
        let (x, y) = (a[p * order + k], a[q * order + k])
        a[p * order + k] = c * x - s * y
        a[q * order + k] = s * x + c * y
      }
    }
    for k in 0..<order {
      let (x, y) = (rows[p][k], rows[q][k])
      rows[p][k] = c * x - s * y
      rows[q][k] = s * x + c * y
    }
  }
}
