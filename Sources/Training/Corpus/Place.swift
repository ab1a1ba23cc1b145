/// Where a clip happens: a backdrop painted from formulas, named by the words of its caption.
public enum Place: String, CaseIterable, Sendable {
  /// Meadow, bushes, sky.
  case grass = "on grass"
  /// Snow, firs.
  case snow = "in the snow"
  /// Sand, cacti.
  case desert = "in the desert"
  /// Stars and a moon.
  case night = "at night"
  /// Under water, bubbles.
  case sea = "in the sea"
  /// An orange sky with the sun over dark land.
  case sunset = "at sunset"
  /// Trunks and leaves.
  case forest = "in the forest"
  /// Clouds.
  case sky = "in the sky"
  /// One colour, no mark to see a camera move by.
  case blue = "on blue"
  /// A street with a dashed line.
  case road = "on a road"

  /// Paints the place.
  ///
  /// - Parameters:
  ///   - size: edge of the picture in pixels.
  ///   - generator: draws the horizon, the texture and what stands about.
  /// - Returns: (size, size) RGB in 0 ... 1.
  func painted(size: Int, using generator: inout CorpusGenerator) -> [SIMD3<Float>] {
    let horizon = generator.uniform(0.47, 0.54)
    let texture = ValueNoise(using: &generator)
    let marks = marks(horizon: horizon, using: &generator)
    // Half a pixel of blur keeps edges smooth.
    let softness = 1 / Float(size)
    var picture = [SIMD3<Float>](repeating: .zero, count: size * size)
    for row in 0..<size {
      let y = (Float(row) + 0.5) / Float(size)
      for column in 0..<size {
        let x = (Float(column) + 0.5) / Float(size)
        var colour = ground(y: y, horizon: horizon, softness: softness, texture: texture(x, y))
        for mark in marks { colour = mix(colour, mark.colour, mark.coverage(x, y, softness)) }
        picture[row * size + column] = colour.clamped(lowerBound: .zero, upperBound: .one)
      }
    }
    return picture
  }

  /// Sky and soil.
  ///
  /// - Parameters:
  ///   - y: 0 at the top, 1 at the bottom.
  ///   - texture: value noise about 0, at most 1 in size.
  private func ground(y: Float, horizon: Float, softness: Float, texture: Float) -> SIMD3<Float> {
    func land(
      _ top: SIMD3<Float>, _ low: SIMD3<Float>, _ near: SIMD3<Float>, _ far: SIMD3<Float>, _ amount: Float
    ) -> SIMD3<Float> {
      let sky = mix(top, low, min(y / horizon, 1))
      let soil = mix(near, far, max(y - horizon, 0) / (1 - horizon)) + texture * amount
      return mix(sky, soil, min(max((y - horizon) / softness + 0.5, 0), 1))
    }
    switch self {
    case .grass: return land(rgb(140, 200, 255), rgb(205, 232, 255), rgb(95, 180, 65), rgb(50, 130, 40), 0.09)
    case .snow: return land(rgb(125, 160, 205), rgb(185, 205, 232), rgb(232, 238, 248), rgb(252, 253, 255), 0.04)
    case .desert: return land(rgb(110, 185, 245), rgb(245, 228, 190), rgb(235, 195, 120), rgb(200, 145, 75), 0.08)
    case .night: return mix(rgb(8, 10, 40), rgb(40, 40, 92), y) + texture * 0.02
    case .sea: return mix(rgb(60, 165, 215), rgb(8, 50, 120), y) + texture * 0.08
    case .sunset:
      let sky = mix(rgb(95, 40, 115), rgb(255, 150, 60), min(y / 0.72, 1))
      return mix(sky, rgb(55, 28, 48) + texture * 0.04, min(max((y - 0.15 - horizon) / softness + 0.5, 0), 1))
    case .forest: return land(rgb(30, 85, 45), rgb(50, 115, 60), rgb(95, 75, 45), rgb(70, 55, 30), 0.09)
    case .sky: return mix(rgb(70, 140, 230), rgb(170, 210, 250), y) + texture * 0.03
    case .blue: return rgb(45, 85, 215) + texture * 0.015
    case .road: return land(rgb(170, 185, 205), rgb(215, 222, 230), rgb(105, 105, 112), rgb(80, 80, 88), 0.05)
    }
  }

  /// What stands about: the landmarks by which a camera's motion is seen.
  private func marks(horizon: Float, using generator: inout CorpusGenerator) -> [Mark] {
    func marks(_ count: Int, _ make: (inout CorpusGenerator) -> Mark) -> [Mark] {
      (0..<count).map { _ in make(&generator) }
    }
    switch self {
    case .grass:
      return marks(7) { g in
        Mark(.ellipse, g.uniform(0, 1), horizon, g.uniform(0.04, 0.1), g.uniform(0.02, 0.05), rgb(45, 125, 45))
      }
    case .snow:
      return marks(8) { g in
        Mark(.triangle, g.uniform(0, 1), horizon, g.uniform(0.03, 0.05), g.uniform(0.06, 0.12), rgb(60, 100, 85))
      }
    case .desert:
      return marks(7) { g in
        Mark(.bar, g.uniform(0, 1), horizon, g.uniform(0.01, 0.016), g.uniform(0.03, 0.08), rgb(85, 125, 60))
      }
    case .night:
      let moon = Mark(.ellipse, generator.uniform(0.1, 0.9), 0.2, 0.05, 0.05, rgb(240, 235, 200))
      return [moon]
        + marks(40) { g in
          Mark(.ellipse, g.uniform(0, 1), g.uniform(0, 1), 0.005, 0.005, rgb(200, 200, 225))
        }
    case .sea:
      return marks(16) { g in
        let radius = g.uniform(0.006, 0.02)
        return Mark(.ellipse, g.uniform(0, 1), g.uniform(0, 1), radius, radius, rgb(150, 215, 240))
      }
    case .sunset:
      let sun = Mark(.ellipse, generator.uniform(0.2, 0.8), horizon + 0.08, 0.09, 0.09, rgb(255, 225, 120))
      return [sun]
        + marks(6) { g in
          Mark(
            .triangle, g.uniform(0, 1), horizon + 0.16, g.uniform(0.05, 0.12), g.uniform(0.03, 0.07), rgb(55, 28, 48))
        }
    case .forest:
      return marks(11) { g in
        Mark(.bar, g.uniform(0, 1), horizon + 0.02, g.uniform(0.012, 0.025), 0.6, rgb(80, 52, 32))
      }
    case .sky:
      return marks(10) { g in
        Mark(
          .ellipse, g.uniform(0, 1), g.uniform(0, 1), g.uniform(0.05, 0.13), g.uniform(0.02, 0.04), rgb(250, 252, 255))
      }
    case .blue: return []
    case .road:
      let offset = generator.uniform(0, 0.16)
      return (0..<7).map { Mark(.bar, offset + Float($0) * 0.16, 0.78, 0.045, 0.012, rgb(240, 235, 210)) }
    }
  }
}

/// One thing on a backdrop.
private struct Mark {
  enum Form { case ellipse, triangle, bar }

  let form: Form
  /// Centre; of triangles and of standing bars the middle of the foot.
  let x, y: Float
  /// Half of the width; half of the height (triangles: the height).
  let width, height: Float
  let colour: SIMD3<Float>

  init(_ form: Form, _ x: Float, _ y: Float, _ width: Float, _ height: Float, _ colour: SIMD3<Float>) {
    self.form = form
    (self.x, self.y, self.width, self.height, self.colour) = (x, y, width, height, colour)
  }

  /// Share of the pixel at a point that it covers.
  func coverage(_ px: Float, _ py: Float, _ softness: Float) -> Float {
    let (dx, dy) = (abs(px - x), py - y)
    let depth: Float
    switch form {
    case .ellipse:
      let radius = ((dx / width) * (dx / width) + (dy / height) * (dy / height)).squareRoot()
      depth = (1 - radius) * min(width, height)
    case .triangle: depth = min(-dy, (width * (1 + dy / height) - dx) * 0.8)
    case .bar: depth = min(width - dx, height - abs(dy))
    }
    return min(max(depth / softness + 0.5, 0), 1)
  }
}

/// Smooth noise about 0: three octaves of bilinear lattice noise on the unit square.
private struct ValueNoise {
  private var lattices: [(cells: Int, values: [Float])] = []

  init(using generator: inout CorpusGenerator) {
    for cells in [4, 9, 19] {
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
