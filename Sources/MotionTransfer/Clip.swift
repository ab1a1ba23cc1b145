import Checkpoints
public import Tensors

/// RGB frames of one size, 8 bits a channel, full range.
public struct Clip: Sendable, Equatable {
  /// F
  public let frames: Int
  /// H
  public let height: Int
  /// W
  public let width: Int
  /// (F, H, W, 3)
  public let pixels: [UInt8]

  /// - Parameter pixels: frames · height · width · 3 bytes
  public init(frames: Int, height: Int, width: Int, pixels: [UInt8]) {
    precondition(
      pixels.count == frames * height * width * 3, "\(pixels.count) bytes for \(frames) frames of \(width)x\(height)")
    self.frames = frames
    self.height = height
    self.width = width
    self.pixels = pixels
  }

  /// The frames as a model's input: (F, H, W, 3), x / 127.5 - 1.
  public func normalized() -> Tensor { normalized(0..<frames) }

  /// Some of the frames.
  func normalized(_ range: Range<Int>) -> Tensor {
    let start = range.lowerBound * height * width * 3
    return Tensor(uninitialized: [range.count, height, width, 3]) { values in
      for i in 0..<values.count { values[i] = Float(pixels[start + i]) / 127.5 - 1 }
    }
  }

  /// A model's output (F, H, W, 3) as frames: clamp(x / 2 + 0.5) · 255, halves to even.
  public init(decoded: Tensor) {
    let pixels = decoded.withUnsafeBufferPointer { values in
      values.map { value in
        // A value that is not a number, from broken weights, becomes black.
        let level = value.isNaN ? 0 : min(max(value / 2 + 0.5, 0), 1)
        return UInt8((level * 255).rounded(.toNearestOrEven))
      }
    }
    self.init(
      frames: decoded.shape[0], height: decoded.shape[1], width: decoded.shape[2], pixels: pixels)
  }
}
