import Layers
import Tensors

/// Enlarges by nearest neighbour, then convolves (diffusers' `Upsample2D`).
struct Upsample2D: Sendable {
  let conv: Conv2d

  init(_ scope: WeightScope, _ channels: Int) throws {
    conv = try Conv2d(scope["conv"], channels, channels)
  }

  /// - Parameters:
  ///   - x: (..., H, W, C)
  ///   - size: height and width that come out; twice those of x when nil
  /// - Returns: (..., H', W', C)
  func callAsFunction(_ x: Tensor, to size: (height: Int, width: Int)? = nil) -> Tensor {
    let (height, width, channels) = (x.shape[x.rank - 3], x.shape[x.rank - 2], x.shape[x.rank - 1])
    let target = size ?? (2 * height, 2 * width)
    let pictures = x.reshaped([-1, height, width, channels])
    let larger = pictures.upsampledNearest(height: target.height, width: target.width)
    return conv(larger).reshaped(x.shape.dropLast(3) + [target.height, target.width, channels])
  }
}
