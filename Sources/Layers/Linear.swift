public import Tensors

/// An affine map of the last axis, y = x Wᵀ + b (torch's `nn.Linear`).
///
/// Where the adapters hold low-rank pairs for its path, each adds y += scale · up(down x) (LoRA, Hu et al. 2021, eq.
/// 3); where they hold a weight, it stands in for W.
public struct Linear: Sendable {
  /// The module's path in the checkpoint, such as `mid_block.attentions.0.proj_in`: the key of its adapter.
  public let path: String
  /// (N, K), in checkpoint order; may rest in half precision.
  public let weight: Tensor
  /// (N)
  public let bias: Tensor?

  /// Reads `weight` (N, K), or the same as a convolution of kernel 1, and, where there is one, `bias` (N).
  ///
  /// - Parameter biasInitializer: for a source that creates; torch's default bound 1 / sqrt(K) when nil.
  public init(
    _ scope: WeightScope, _ inputs: Int, _ outputs: Int, bias: Bool = true,
    initializer: Initializer = .fanIn, biasInitializer: Initializer = .fanIn
  ) throws {
    path = scope.path
    weight = try scope("weight", [outputs, inputs], .matrix, initializer, fanIn: inputs)
    self.bias = bias ? try scope("bias", [outputs], .plain, biasInitializer, fanIn: inputs) : nil
  }

  /// - Parameters:
  ///   - x: (..., K)
  ///   - residual: added to the result in the same pass, (..., N)
  /// - Returns: (..., N)
  public func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil, _ context: Context) -> Tensor {
    var y = x.linear(context.adapters.weights[path] ?? weight, bias, adding: residual)
    for adapter in context.adapters.lora[path] ?? [] {
      let addition = x.linear(adapter.down, nil).linear(adapter.up, nil)
      y = y + adapter.scale * (adapter.dropout.map { $0(addition) } ?? addition)
    }
    return y
  }
}
