public import Tensors

/// Temporal self-attention: every pixel attends over its own frames.
///
/// Motion Inversion (Wang et al., SIGGRAPH 2025), eq. 3: the motion embedding enters queries and keys as
/// m_QK (F, 1, C), one time signal for all pixels, and values as the debiased m_V (F, H·W, C).
public struct TemporalAttention: Sendable {
  let toQuery: Linear
  let toKey: Linear
  let toValue: Linear
  let toOutput: Linear
  let heads: Int

  /// Its linear maps, in the order of torch's modules.
  public var linears: [Linear] { [toQuery, toKey, toValue, toOutput] }

  /// Reads `to_q`, `to_k`, `to_v` (C, C) without biases and `to_out.0` (C, C); C = heads · headWidth.
  public init(_ scope: WeightScope, heads: Int, headWidth: Int) throws {
    let channels = heads * headWidth
    toQuery = try Linear(scope["to_q"], channels, channels, bias: false)
    toKey = try Linear(scope["to_k"], channels, channels, bias: false)
    toValue = try Linear(scope["to_v"], channels, channels, bias: false)
    toOutput = try Linear(scope["to_out"][0], channels, channels)
    self.heads = heads
  }

  /// - Parameters:
  ///   - x: normalised tokens (B, F, H·W, C)
  ///   - queryKey: m_QK (F, 1, C), shared by the batch; nil adds nothing
  ///   - value: m_V (F, H·W, C), shared by the batch; nil adds nothing
  ///   - residual: added to the result, of the same shape
  /// - Returns: (B, F, H·W, C)
  public func callAsFunction(
    _ x: Tensor, queryKey: Tensor?, value: Tensor?, adding residual: Tensor? = nil, _ context: Context
  ) -> Tensor {
    let qk = queryKey.map { x + $0 } ?? x
    let v = value.map { x + $0 } ?? x
    let attended = Tensor.temporalAttention(
      toQuery(qk, context), toKey(qk, context), toValue(v, context), heads: heads)
    return toOutput(attended, adding: residual, context)
  }
}
