public import Tensors

/// Group normalisation (Wu and He 2018; torch's `nn.GroupNorm`), channels last.
///
/// Statistics are taken per sample and group over everything between the first axis and the last:
/// on (B·F, H, W, C) that is one frame, on (B, F·H·W, C) the whole clip.
public struct GroupNorm: Sendable {
  /// (C)
  public let weight: Tensor
  /// (C)
  public let bias: Tensor
  /// Number of groups that the channels are split into.
  public let groups: Int
  /// Added to the variance.
  public let epsilon: Float

  /// Reads `weight` (C) and `bias` (C).
  public init(_ scope: WeightScope, _ channels: Int, groups: Int, epsilon: Float) throws {
    weight = try scope("weight", [channels], .plain, .ones)
    bias = try scope("bias", [channels], .plain, .zeros)
    self.groups = groups
    self.epsilon = epsilon
  }

  /// - Parameters:
  ///   - x: (N, ..., C)
  ///   - silu: whether the activation that follows is applied in the same pass
  /// - Returns: the same shape
  public func callAsFunction(_ x: Tensor, silu: Bool = false) -> Tensor {
    x.groupNorm(groups: groups, weight, bias, epsilon: epsilon, silu: silu)
  }
}
