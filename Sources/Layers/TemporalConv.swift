public import Tensors

/// A convolution over time only: torch's `nn.Conv3d` with kernel (3, 1, 1) and padding (1, 0, 0).
public struct TemporalConv: Sendable {
  /// (3, O, I): the checkpoint's (O, I, 3, 1, 1), repacked.
  public let weight: Tensor
  /// (O)
  public let bias: Tensor

  /// Reads `weight` (C, C, 3, 1, 1) and `bias` (C).
  public init(_ scope: WeightScope, _ channels: Int, initializer: Initializer = .fanIn) throws {
    weight = try scope(
      "weight", [channels, channels, 3, 1, 1], .temporalConv, initializer, fanIn: 3 * channels)
    bias = try scope("bias", [channels], .plain, initializer, fanIn: 3 * channels)
  }

  /// - Parameter x: (B, F, P, C), P pixels
  /// - Returns: the same shape; frames outside the clip count as zero
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.temporalConv(weight, bias)
  }
}
