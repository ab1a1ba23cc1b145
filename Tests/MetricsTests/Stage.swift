import Foundation
import Tensors

@testable import Metrics

/// Clips whose motion is known: a white disc over a smooth texture that a camera looks at.
struct Stage {
  /// Centre in edges.
  var centres: [(x: Double, y: Double)]
  /// Radius in edges.
  var radii: [Double]
  var cameras: [(x: Double, y: Double, zoom: Double)]
  /// Deviation of the noise of each pixel.
  var noise: Float = 0

  static let edge = 64
  static let cells = 16

  /// Whether a point of a frame lies in the disc.
  private func isInDisc(_ frame: Int, _ x: Double, _ y: Double) -> Bool {
    hypot(x - centres[frame].x, y - centres[frame].y) < radii[frame]
  }

  /// (F, edge, edge, 3)
  func render() -> Tensor {
    var generator = TorchGenerator(seed: 3)
    let edge = Self.edge
    let clean = Tensor(uninitialized: [centres.count, edge, edge, 3]) { pixels in
      for index in pixels.indices {
        let (pixel, channel) = index.quotientAndRemainder(dividingBy: 3)
        let (x, y) = (Double(pixel % edge) + 0.5, Double(pixel / edge % edge) + 0.5)
        let frame = pixel / edge / edge
        pixels[index] =
          isInDisc(frame, x / Double(edge), y / Double(edge))
          ? 0.95 : texture(frame, x / Double(edge), y / Double(edge), channel)
      }
    }
    return clean + generator.randn(clean.shape) * noise
  }

  private func texture(_ frame: Int, _ x: Double, _ y: Double, _ channel: Int) -> Float {
    let camera = cameras[frame]
    let (u, v) = ((x - 0.5) / camera.zoom + camera.x, (y - 0.5) / camera.zoom + camera.y)
    let phase = Double(channel)
    return Float(0.3 * sin(9 * u + 4 * v + phase) + 0.2 * sin(17 * v - 7 * u + 2 * phase) + 0.1 * cos(23 * u))
  }

  /// What a scorer that is never wrong would see.
  func reading(hidden: Set<Int> = []) -> SceneReading {
    var coverage: [Float] = []
    for frame in centres.indices {
      for cell in 0..<Self.cells * Self.cells {
        let (row, column) = cell.quotientAndRemainder(dividingBy: Self.cells)
        let inside = (0..<64).count { sample in
          isInDisc(
            frame, (Double(column) + (Double(sample % 8) + 0.5) / 8) / Double(Self.cells),
            (Double(row) + (Double(sample / 8) + 0.5) / 8) / Double(Self.cells))
        }
        coverage.append(hidden.contains(frame) ? 0 : Float(inside) / 64)
      }
    }
    let frames = centres.count
    return SceneReading(
      rows: Self.cells, columns: Self.cells, coverage: coverage, features: .filled([frames, 4], 1),
      subjectLogits: .zeros([frames, 3]), placeLogits: .zeros([frames, 2]))
  }

  /// A still camera.
  static func still(_ frames: Int) -> [(x: Double, y: Double, zoom: Double)] {
    Array(repeating: (0, 0, 1), count: frames)
  }
}
