/// The places as pictures, painted once: a fixed number of each, larger than a frame, so that cameras can move.
struct Backdrops: Sendable {
  /// Backdrops of each place.
  static let variants = 16
  /// Edge of a backdrop in frame edges: the world from -0.25 to 1.25.
  static let reach: Float = 1.5

  /// Edge of a backdrop in pixels.
  let size: Int
  /// RGB bytes, (places · variants, size, size, 3).
  let pixels: [UInt8]

  /// - Parameter frame: edge of a frame in pixels.
  init(frame: Int) {
    let size = Int(Float(frame) * Backdrops.reach)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(Place.allCases.count * Backdrops.variants * size * size * 3)
    for place in Place.allCases {
      for variant in 0..<Backdrops.variants {
        // No run's seed: all runs share the backdrops.
        var generator = CorpusGenerator(seed: 0xBACD, index: UInt64(place.index * 1024 + variant))
        for colour in place.painted(size: size, using: &generator) {
          for channel in 0..<3 { pixels.append(UInt8((colour[channel] * 255).rounded())) }
        }
      }
    }
    self.size = size
    self.pixels = pixels
  }

  /// RGB in 0 ... 1 of the n-th backdrop at a world point, bilinear, the border repeated.
  @inline(__always)
  func sample(_ backdrop: Int, x: Float, y: Float) -> SIMD3<Float> {
    let last = Float(size - 1)
    let scale = Float(size) / Backdrops.reach
    let u = min(max((x + 0.25) * scale - 0.5, 0), last)
    let v = min(max((y + 0.25) * scale - 0.5, 0), last)
    let (column, row) = (min(Int(u), size - 2), min(Int(v), size - 2))
    let (a, b) = (u - Float(column), v - Float(row))
    let base = ((backdrop * size + row) * size + column) * 3
    let upper = texel(base) * (1 - a) + texel(base + 3) * a
    let lower = texel(base + size * 3) * (1 - a) + texel(base + size * 3 + 3) * a
    return (upper * (1 - b) + lower * b) / 255
  }

  @inline(__always)
  private func texel(_ base: Int) -> SIMD3<Float> {
    SIMD3(Float(pixels[base]), Float(pixels[base + 1]), Float(pixels[base + 2]))
  }
}
