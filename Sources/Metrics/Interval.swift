import Tensors

/// A mean with its 95 % confidence interval.
public struct Interval: Sendable, Equatable {
  /// The mean.
  public let mean: Double
  /// Lower end.
  public let low: Double
  /// Upper end.
  public let high: Double

  /// Percentile bootstrap (Efron 1979) over groups of values that belong together: the pairs of one reference share an embedding,
  /// so whole references are drawn, with all their pairs. The same values give the same interval.
  ///
  /// - Parameters:
  ///   - groups: values by group; empty groups do not count
  ///   - resamples: how often the groups are drawn
  /// - Returns: nil without any value
  public init?(groups: [[Double]], resamples: Int = 2000) {
    let sums = groups.filter { !$0.isEmpty }.map { (sum: $0.reduce(0, +), count: Double($0.count)) }
    guard !sums.isEmpty else { return nil }
    mean = sums.reduce(0) { $0 + $1.sum } / sums.reduce(0) { $0 + $1.count }
    var generator = TorchGenerator(seed: 0)
    let means = (0..<resamples).map { _ in
      var (sum, count) = (0.0, 0.0)
      for _ in sums.indices {
        let drawn = sums[generator.randint(below: sums.count)]
        sum += drawn.sum
        count += drawn.count
      }
      return sum / count
    }.sorted()
    low = Self.quantile(means, 0.025) ?? mean
    high = Self.quantile(means, 0.975) ?? mean
  }

  /// Linear between the sorted values.
  private static func quantile(_ sorted: [Double], _ share: Double) -> Double? {
    guard let last = sorted.indices.last else { return nil }
    let place = share * Double(last)
    let index = Int(place)
    let next = min(index + 1, last)
    return sorted[index] + (sorted[next] - sorted[index]) * (place - Double(index))
  }
}
