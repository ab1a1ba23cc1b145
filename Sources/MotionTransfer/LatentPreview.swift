import Diffusion
import Synchronization
import Tensors

/// Frames of latents without the decoder: a linear map from latent channels to red, green and blue at the latents' size.
///
/// The map is fitted to the model's own autoencoder, by least squares on a chart of 64 colours, so that it needs no table
/// for each model. One encoding of a small picture, once per model.
struct LatentPreview: Sendable {
  /// (C + 1, 3): per channel, and the constant.
  let weights: [Float]

  /// - Parameters:
  ///   - latents: (N, C), unscaled as the diffusion model sees them
  ///   - colours: (N, 3), -1 ... 1
  init(latents: [[Float]], colours: [[Float]]) {
    let size = (latents.first?.count ?? 0) + 1
    // Normal equations, with a ridge against channels that do not move.
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: size + 3), count: size)
    for (row, colour) in zip(latents, colours) {
      let x = row.map(Double.init) + [1]
      for i in 0..<size {
        for j in 0..<size { matrix[i][j] += x[i] * x[j] }
        for channel in 0..<3 { matrix[i][size + channel] += x[i] * Double(colour[channel]) }
      }
    }
    for i in 0..<size { matrix[i][i] += 1e-3 }
    weights = Self.solved(matrix).flatMap { $0 }.map(Float.init)
  }

  /// The right-hand sides of a symmetric, positive system in the last three columns, solved by elimination.
  private static func solved(_ system: [[Double]]) -> [[Double]] {
    var rows = system
    for pivot in rows.indices {
      let lead = rows[pivot][pivot]
      rows[pivot] = rows[pivot].map { $0 / lead }
      for other in rows.indices where other != pivot {
        let factor = rows[other][pivot]
        for column in rows[other].indices { rows[other][column] -= factor * rows[pivot][column] }
      }
    }
    return rows.map { Array($0.suffix(3)) }
  }

  /// - Parameter latents: (1, F, h, w, C)
  /// - Returns: F frames of w x h
  func clip(_ latents: Tensor) -> Clip {
    let shape = latents.shape
    let channels = shape[4]
    let pixels = latents.withUnsafeBufferPointer { values in
      var pixels: [UInt8] = []
      pixels.reserveCapacity(values.count / channels * 3)
      for start in stride(from: 0, to: values.count, by: channels) {
        for colour in 0..<3 {
          var value = weights[channels * 3 + colour]
          for channel in 0..<channels { value += values[start + channel] * weights[channel * 3 + colour] }
          let level = value.isNaN ? 0 : min(max(value / 2 + 0.5, 0), 1)
          pixels.append(UInt8((level * 255).rounded(.toNearestOrEven)))
        }
      }
      return pixels
    }
    return Clip(frames: shape[1], height: shape[2], width: shape[3], pixels: pixels)
  }
}

extension LatentPreview {
  /// Patches of one colour along each side of the chart; each is two latents wide.
  private static let patches = 8

  /// The map of an autoencoder.
  init(fitting vae: AutoencoderKL, scale: Float, factor: Int) throws {
    let cells = Self.patches * 2
    let side = cells * factor
    let chart = Tensor(uninitialized: [1, side, side, 3]) { pixels in
      for y in 0..<side {
        for x in 0..<side {
          let colour = Self.colour(y / factor / 2, x / factor / 2)
          for channel in 0..<3 { pixels[(y * side + x) * 3 + channel] = colour[channel] }
        }
      }
    }
    let mean = try vae.encode(chart).mean.toArray()  // (1, cells, cells, C)
    let channels = mean.count / (cells * cells)
    var latents: [[Float]] = []
    var colours: [[Float]] = []
    for cell in 0..<cells * cells {
      latents.append(mean[cell * channels..<(cell + 1) * channels].map { $0 * scale })
      colours.append(Self.colour(cell / cells / 2, cell % cells / 2))
    }
    self.init(latents: latents, colours: colours)
  }

  /// One of 4 x 4 x 4 colours; neighbours differ in all channels.
  private static func colour(_ row: Int, _ column: Int) -> [Float] {
    let index = (row * patches + column) * 29 % (patches * patches)
    return [index % 4, index / 4 % 4, index / 16].map { Float($0) / 1.5 - 1 }
  }
}

/// The map of one loaded model, fitted when it is first wanted.
final class LatentPreviewCache: Sendable {
  private let preview = Mutex<LatentPreview?>(nil)

  /// The map, by `make` the first time.
  func preview(_ make: () throws -> LatentPreview) rethrows -> LatentPreview {
    if let known = preview.withLock({ $0 }) { return known }
    let made = try make()
    preview.withLock { $0 = made }
    return made
  }
}
