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

  /// The same with the first axis split into `samples` that have their statistics in common.
  ///
  /// - Parameter x: (N, ..., C), N a multiple of `samples`
  public func callAsFunction(_ x: Tensor, over samples: Int, silu: Bool) -> Tensor {
    guard samples != x.shape[0] else { return self(x, silu: silu) }
    return self(x.reshaped([samples, -1, x.shape[x.rank - 1]]), silu: silu).reshaped(x.shape)
  }
}
