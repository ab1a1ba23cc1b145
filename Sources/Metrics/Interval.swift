/// A mean with its 95 % confidence interval.
public struct Interval: Sendable, Equatable {
  /// The mean.
  public let mean: Double
  /// Lower end.
  public let low: Double
  /// Upper end.
  public let high: Double

  /// Student's interval over groups of values that belong together: the pairs of one reference share an embedding, so that a
  /// reference counts as one observation, with the weight of its pairs (the linearised variance of a ratio; Cochran 1977,
  /// section 6). Few groups make it wide; where all groups agree it is a point.
  ///
  /// - Parameter groups: values by group; empty groups do not count
  /// - Returns: nil without any value; a single group gives infinite ends
  public init?(groups: [[Double]]) {
    let sums = groups.filter { !$0.isEmpty }.map { (sum: $0.reduce(0, +), count: Double($0.count)) }
    guard !sums.isEmpty else { return nil }
    let count = sums.reduce(0) { $0 + $1.count }
    let mean = sums.reduce(0) { $0 + $1.sum } / count
    let squares = sums.reduce(0) { $0 + ($1.sum - mean * $1.count) * ($1.sum - mean * $1.count) }
    let freedom = sums.count - 1
    let half =
      freedom > 0
      ? Self.quantile(freedom) * (squares * Double(sums.count) / Double(freedom)).squareRoot() / count : .infinity
    (self.mean, low, high) = (mean, mean - half, mean + half)
  }

  /// The 97.5 % quantile of Student's distribution: from tables, and from ten degrees of freedom on to three digits by
  /// Cornish and Fisher's expansion about the normal one.
  private static func quantile(_ freedom: Int) -> Double {
    let few = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622]
    guard freedom > few.count else { return few[freedom - 1] }
    let (z, v) = (1.959964, Double(freedom))
    let square = z * z
    let first = (square + 1) / 4
    let second = ((5 * square + 16) * square + 3) / 96
    let third = (((3 * square + 19) * square + 17) * square - 15) / 384
    return z * (1 + first / v + second / (v * v) + third / (v * v * v))
  }
}
