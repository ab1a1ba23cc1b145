public import Tensors

/// A convolution over height and width (torch's `nn.Conv2d`), channels last.
public struct Conv2d: Sendable {
  /// (O, kh, kw, I): the checkpoint's (O, I, kh, kw), repacked.
  public let weight: Tensor
  /// (O)
  public let bias: Tensor
  /// Step of the window, both ways.
  public let stride: Int
  /// Zeros around the picture.
  public let padding: Padding

  /// Reads `weight` (O, I, k, k) and `bias` (O).
  ///
  /// - Parameter padding: nil keeps the size (k odd, stride 1).
  public init(
    _ scope: WeightScope, _ inputs: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1,
    padding: Padding? = nil
  ) throws {
    let fanIn = inputs * kernel * kernel
    weight = try scope("weight", [outputs, inputs, kernel, kernel], .conv2d, .fanIn, fanIn: fanIn)
    bias = try scope("bias", [outputs], .plain, .fanIn, fanIn: fanIn)
    self.stride = stride
    self.padding = padding ?? .same(kernel / 2)
  }

  /// - Parameter x: (..., H, W, I), every leading axis a batch of pictures
  /// - Returns: (..., H', W', O)
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let pictures = x.reshaped([-1] + x.shape.suffix(3))
    let y = pictures.conv2d(weight, bias, stride: stride, padding: padding)
    return y.reshaped(x.shape.dropLast(3) + y.shape.suffix(3))
  }
}
