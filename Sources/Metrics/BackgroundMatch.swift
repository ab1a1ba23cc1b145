import Glibc
import Tensors

/// From one frame to the next, the background's point s goes to exp(logZoom) (s - 0.5) + 0.5 + (x, y), in edges.
struct ViewStep: Sendable, Equatable {
  var x = 0.0
  var y = 0.0
  var logZoom = 0.0
}

/// Which cells of the scorer's grid show background in both of two frames.
struct BackgroundMask {
  private let rows: Int
  private let columns: Int
  private var isBackground: [Bool]

  /// The subject's cells and their neighbours do not count.
  init(_ reading: SceneReading, _ first: Int, _ second: Int) {
    (rows, columns) = (reading.rows, reading.columns)
    isBackground = Array(repeating: true, count: rows * columns)
    for frame in [first, second] {
      for (cell, coverage) in reading.coverage(frame: frame).enumerated() where coverage > 0.15 {
        let (row, column) = cell.quotientAndRemainder(dividingBy: columns)
        for r in max(row - 1, 0)...min(row + 1, rows - 1) {
          for c in max(column - 1, 0)...min(column + 1, columns - 1) { isBackground[r * columns + c] = false }
        }
      }
    }
  }

  /// - Parameters: a point in edges, within the picture
  func callAsFunction(x: Double, y: Double) -> Bool {
    isBackground[min(Int(y * Double(rows)), rows - 1) * columns + min(Int(x * Double(columns)), columns - 1)]
  }
}

/// All frames of a clip at one size, and the match of two of them.
struct PictureLevel {
  private let edge: Int
  private let pixels: [Float]

  init(_ frames: Tensor) {
    edge = frames.shape[1]
    pixels = frames.toArray()
  }

  /// A few Gauss-Newton steps from a guess (Lucas and Kanade 1981, with three parameters for the whole picture).
  ///
  /// Residuals are weighed down where they are large, for they are not background; a faint pull to the guess of no motion keeps
  /// a picture without texture at rest.
  func match(_ first: Int, _ second: Int, _ mask: BackgroundMask, from guess: ViewStep) -> ViewStep {
    var step = guess
    for _ in 0..<8 {
      var system = NormalEquations()
      for row in 0..<edge {
        for column in 0..<edge {
          let s = SIMD2(Double(column) + 0.5, Double(row) + 0.5) / Double(edge)
          guard mask(x: s.x, y: s.y) else { continue }
          let zoom = exp(step.logZoom)
          let target = (s - 0.5) * zoom + 0.5 + SIMD2(step.x, step.y)
          guard target.min() > 0, target.max() < 1 else { continue }
          for channel in 0..<3 {
            let (value, slope) = sample(second, target, channel)
            let residual = value - Double(pixels[((first * edge + row) * edge + column) * 3 + channel])
            let arm = (s - 0.5) * zoom
            system.add(SIMD3(slope, (slope * arm).sum()), residual)
          }
        }
      }
      guard let change = system.solved(around: SIMD3(step.x, step.y, step.logZoom)) else { return step }
      step.x += change.x
      step.y += change.y
      step.logZoom += change.z
      if (change * change).sum() < 1e-10 { break }
    }
    return step
  }

  /// Value and slope per edge at a point in edges, bilinear.
  private func sample(_ frame: Int, _ point: SIMD2<Double>, _ channel: Int) -> (Double, SIMD2<Double>) {
    let u = min(max(point.x * Double(edge) - 0.5, 0), Double(edge) - 1.001)
    let v = min(max(point.y * Double(edge) - 0.5, 0), Double(edge) - 1.001)
    let (column, row) = (Int(u), Int(v))
    let (a, b) = (u - Double(column), v - Double(row))
    func texel(_ r: Int, _ c: Int) -> Double {
      Double(pixels[((frame * edge + row + r) * edge + column + c) * 3 + channel])
    }
    let (p, q, r, s) = (texel(0, 0), texel(0, 1), texel(1, 0), texel(1, 1))
    let value = (p * (1 - a) + q * a) * (1 - b) + (r * (1 - a) + s * a) * b
    let slope = SIMD2((q - p) * (1 - b) + (s - r) * b, (r - p) * (1 - a) + (s - q) * a)
    return (value, slope * Double(edge))
  }
}

/// Weighted least squares in three unknowns.
private struct NormalEquations {
  private var columns = (SIMD3<Double>.zero, SIMD3<Double>.zero, SIMD3<Double>.zero)
  private var right = SIMD3<Double>.zero
  private var count = 0.0

  mutating func add(_ slopes: SIMD3<Double>, _ residual: Double) {
    let ratio = residual / 0.15
    let weighted = slopes / ((1 + ratio * ratio) * (1 + ratio * ratio))
    columns.0 += weighted * slopes.x
    columns.1 += weighted * slopes.y
    columns.2 += weighted * slopes.z
    right -= weighted * residual
    count += 1
  }

  /// The change of the unknowns, by Cramer's rule; nil where too little background is in sight.
  func solved(around values: SIMD3<Double>) -> SIMD3<Double>? {
    guard count >= 60 else { return nil }
    let pull = 1e-3 * count
    let a = columns.0 + SIMD3(pull, 0, 0)
    let b = columns.1 + SIMD3(0, pull, 0)
    let c = columns.2 + SIMD3(0, 0, pull)
    let target = right - pull * values
    let whole = determinant(a, b, c)
    guard abs(whole) > 1e-12 else { return nil }
    return SIMD3(determinant(target, b, c), determinant(a, target, c), determinant(a, b, target)) / whole
  }

  private func determinant(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) -> Double {
    let cross = SIMD3(b.y * c.z - b.z * c.y, b.z * c.x - b.x * c.z, b.x * c.y - b.y * c.x)
    return (a * cross).sum()
  }
}
