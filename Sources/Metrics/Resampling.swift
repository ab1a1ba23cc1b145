public import Tensors

extension Tensor {
  /// Pictures (N, H, W, C) at another size: linear between pixel centres, the triangle widened where they shrink, so that every
  /// pixel counts.
  public func resized(height: Int, width: Int) -> Tensor {
    if shape[1] == height, shape[2] == width { return self }
    let (count, channels) = (shape[0], shape[3])
    // Rows first: (N, H, W·C) -> (N, height, W·C); then columns within each row.
    let rows = resampled(outer: count, length: shape[1], inner: shape[2] * channels, to: height)
    let columns = rows.resampled(outer: count * height, length: shape[2], inner: channels, to: width)
    return columns.reshaped([count, height, width, channels])
  }

  /// The middle axis of (outer, length, inner) at another length.
  private func resampled(outer: Int, length: Int, inner: Int, to target: Int) -> Tensor {
    if length == target { return self }
    let scale = Float(length) / Float(target)
    let reach = max(scale, 1)
    return withUnsafeBufferPointer { source in
      Tensor(uninitialized: [outer, target, inner]) { result in
        result.update(repeating: 0)
        for place in 0..<target {
          let centre = (Float(place) + 0.5) * scale - 0.5
          let taps = max(Int((centre - reach).rounded(.up)), 0)...min(Int(centre + reach), length - 1)
          let weights = taps.map { max(0, 1 - Swift.abs(Float($0) - centre) / reach) }
          let total = weights.reduce(0, +)
          for (tap, weight) in zip(taps, weights) where weight > 0 {
            for slice in 0..<outer {
              let from = (slice * length + tap) * inner
              let to = (slice * target + place) * inner
              for index in 0..<inner { result[to + index] += weight / total * source[from + index] }
            }
          }
        }
      }
    }
  }
}
