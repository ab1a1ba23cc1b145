public import Tensors

/// Layer normalisation of the last axis (Ba et al. 2016; torch's `nn.LayerNorm`).
public struct LayerNorm: Sendable {
  /// (C)
  public let weight: Tensor
  /// (C)
  public let bias: Tensor
  /// Added to the variance.
  public let epsilon: Float

  /// Reads `weight` (C) and `bias` (C).
  public init(_ scope: WeightScope, _ channels: Int, epsilon: Float = 1e-5) throws {
    weight = try scope("weight", [channels], .plain, .ones)
    bias = try scope("bias", [channels], .plain, .zeros)
    self.epsilon = epsilon
  }

  /// - Parameter x: (..., C)
  /// - Returns: the same shape
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.layerNorm(weight, bias, epsilon: epsilon)
  }
}
