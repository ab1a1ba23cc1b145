/// Where a clip happens: a background painted from formulas, named by the words of its caption.
public enum Place: String, CaseIterable, Sendable {
  case grass = "on grass"
  case snow = "in the snow"
  case desert = "in the desert"
  case night = "at night"
  case sea = "in the sea"
  case sunset = "at sunset"

  /// Paints the place.
  ///
  /// - Parameters:
  ///   - size: edge of the picture in pixels.
  ///   - generator: draws the horizon, the tint and the texture.
  /// - Returns: (size, size) RGB in 0 ... 1.
  func painted(size: Int, using generator: inout CorpusGenerator) -> [SIMD3<Float>] {
    let tint = SIMD3<Float>(
      generator.uniform(-0.02, 0.02), generator.uniform(-0.02, 0.02), generator.uniform(-0.02, 0.02))
    let horizon = generator.uniform(0.47, 0.55)
    let texture = ValueNoise(using: &generator)
    var picture = [SIMD3<Float>](repeating: .zero, count: size * size)
    for row in 0..<size {
      let y = (Float(row) + 0.5) / Float(size)
      for column in 0..<size {
        let x = (Float(column) + 0.5) / Float(size)
        let colour = colour(y: y, horizon: horizon, size: Float(size), texture: texture(x, y)) + tint
        picture[row * size + column] = colour.clamped(lowerBound: .zero, upperBound: .one)
      }
    }
    if self == .night { scatterStars(in: &picture, size: size) }
    return picture
  }

  /// - Parameters:
  ///   - y: 0 at the top, 1 at the bottom.
  ///   - texture: value noise about 0, at most 1 in size.
  private func colour(y: Float, horizon: Float, size: Float, texture: Float) -> SIMD3<Float> {
    func ground(
      _ top: SIMD3<Float>, _ low: SIMD3<Float>, _ near: SIMD3<Float>, _ far: SIMD3<Float>, _ amount: Float
    ) -> SIMD3<Float> {
      let sky = mix(top, low, min(y / horizon, 1))
      let soil = mix(near, far, max(y - horizon, 0) / (1 - horizon)) + texture * amount
      return mix(sky, soil, min(max((y - horizon) * size + 0.5, 0), 1))
    }
    switch self {
    case .grass:
      return ground(
        rgb(140, 200, 255), rgb(205, 232, 255), rgb(95, 180, 65), rgb(50, 130, 40), 0.07)
    case .snow:
      return ground(
        rgb(125, 160, 205), rgb(185, 205, 232), rgb(232, 238, 248), rgb(252, 253, 255), 0.03)
    case .desert:
      return ground(
        rgb(110, 185, 245), rgb(245, 228, 190), rgb(235, 195, 120), rgb(200, 145, 75), 0.06)
    case .night: return mix(rgb(8, 10, 40), rgb(40, 40, 92), y) + texture * 0.015
    case .sea: return mix(rgb(60, 165, 215), rgb(8, 50, 120), y) + texture * 0.06
    case .sunset:
      let sky = mix(rgb(95, 40, 115), rgb(255, 150, 60), min(y / 0.75, 1))
      let soil = rgb(55, 28, 48) + texture * 0.03
      return mix(sky, soil, min(max((y - 0.2 - horizon) * size + 0.5, 0), 1))
    }
  }

  /// Always the same constellation: a small model can learn it.
  private func scatterStars(in picture: inout [SIMD3<Float>], size: Int) {
    var generator = CorpusGenerator(seed: 7, index: 7)
    for _ in 0..<14 {
      picture[generator.index(size) * size + generator.index(size)] += generator.uniform(0.3, 0.6)
    }
  }
}

/// Smooth noise about 0: three octaves of bilinear lattice noise on the unit square.
private struct ValueNoise {
  private var lattices: [(cells: Int, values: [Float])] = []

  init(using generator: inout CorpusGenerator) {
    for cells in [3, 6, 13] {
      lattices.append((cells, (0..<(cells + 1) * (cells + 1)).map { _ in generator.uniform(-1, 1) }))
    }
  }

  func callAsFunction(_ x: Float, _ y: Float) -> Float {
    var sum: Float = 0
    for (cells, values) in lattices {
      let (u, v) = (x * Float(cells), y * Float(cells))
      let (column, row) = (min(Int(u), cells - 1), min(Int(v), cells - 1))
      let (a, b) = (smooth(u - Float(column)), smooth(v - Float(row)))
      let base = row * (cells + 1) + column
      let upper = values[base] * (1 - a) + values[base + 1] * a
      let lower = values[base + cells + 1] * (1 - a) + values[base + cells + 2] * a
      sum += upper * (1 - b) + lower * b
    }
    return sum / Float(lattices.count)
  }

  private func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }
}

private func rgb(_ red: Float, _ green: Float, _ blue: Float) -> SIMD3<Float> {
  SIMD3(red, green, blue) / 255
}

private func mix(_ a: SIMD3<Float>, _ b: SIMD3<Float>, _ t: Float) -> SIMD3<Float> { a + (b - a) * t }
