import Layers
import Tensors

/// Halves height and width with a strided convolution (diffusers' `Downsample2D`).
struct Downsample2D: Sendable {
  let conv: Conv2d

  /// - Parameter padding: 1 rounds odd sizes up; 0 pads below and to the right only and rounds them down
  init(_ scope: WeightScope, _ channels: Int, padding: Int) throws {
    conv = try Conv2d(
      scope["conv"], channels, channels, stride: 2,
      padding: padding == 0 ? Padding(top: 0, left: 0, bottom: 1, right: 1) : .same(padding))
  }

  /// - Parameter x: (..., H, W, C)
  /// - Returns: (..., H', W', C)
  func callAsFunction(_ x: Tensor) -> Tensor {
    conv(x)
  }

  /// The size that comes out of `size` pixels.
  static func size(_ size: Int, padding: Int) -> Int {
    padding == 0 ? size / 2 : (size + 2 * padding - 3) / 2 + 1
  }
}
