/// Mean and covariance of the square pixel patches of corpus pictures.
struct PatchStatistics: Sendable {
  /// Values of a patch: edge x edge x RGB.
  let order: Int
  /// (order)
  let mean: [Double]
  /// (order, order)
  let covariance: [Double]

  /// - Parameters:
  ///   - corpus: where the pictures come from.
  ///   - edge: edge of a patch in pixels.
  ///   - seed: the run's seed.
  ///   - pictures: how many to look at.
  init(_ corpus: Corpus, edge: Int, seed: UInt64, pictures: Int) {
    let order = edge * edge * 3
    var sum = [Double](repeating: 0, count: order)
    var products = [Double](repeating: 0, count: order * order)
    var count = 0.0
    for index in 0..<pictures {
      // Streams above 1 << 40 are never used for training.
      let sample = corpus.sample(seed: seed, index: 1 << 40 + UInt64(index), frames: 1)
      let patches = PatchStatistics.patches(sample.pixels, size: corpus.size, edge: edge)
      for start in stride(from: 0, to: patches.count, by: order) {
        PatchStatistics.accumulate(patches[start..<start + order], &sum, &products)
        count += 1
      }
    }
    let mean = sum.map { $0 / count }
    var covariance = products
    for row in 0..<order {
      for column in 0..<order {
        let product = column >= row ? products[row * order + column] : products[column * order + row]
        covariance[row * order + column] = product / count - mean[row] * mean[column]
      }
    }
    self.order = order
    self.mean = mean
    self.covariance = covariance
  }

  /// (N, size, size, 3) -> (N · cells · cells, edge · edge · 3): the patches of each picture row by row, each
  /// y, x, RGB.
  static func patches(_ pixels: [Float], size: Int, edge: Int) -> [Float] {
    let cells = size / edge
    var result = [Float](repeating: 0, count: pixels.count)
    var target = 0
    for picture in 0..<pixels.count / (size * size * 3) {
      for cell in 0..<cells * cells {
        for row in 0..<edge {
          let y = cell / cells * edge + row
          let source = ((picture * size + y) * size + cell % cells * edge) * 3
          for value in 0..<edge * 3 { result[target + value] = pixels[source + value] }
          target += edge * 3
        }
      }
    }
    return result
  }

  private static func accumulate(
    _ patch: ArraySlice<Float>, _ sum: inout [Double], _ products: inout [Double]
  ) {
    let order = sum.count
    patch.withUnsafeBufferPointer { patch in
      products.withUnsafeMutableBufferPointer { products in
        for row in 0..<order {
          let value = Double(patch[row])
          sum[row] += value
          for column in row..<order { products[row * order + column] += value * Double(patch[column]) }
        }
      }
    }
  }
}
