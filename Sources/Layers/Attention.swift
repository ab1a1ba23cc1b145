public import Tensors

/// Multi-head attention (Vaswani et al. 2017; diffusers' `Attention`): softmax(Q Kᵀ / sqrt(head width)) V.
///
/// Self-attention among the pixels of a frame, or cross-attention from them to a prompt that all frames
/// share.
public struct Attention: Sendable {
  /// The module's path in the checkpoint: the key of its prepared text.
  public let path: String
  let toQuery: Linear
  let toKey: Linear
  let toValue: Linear
  let toOutput: Linear
  let heads: Int

  /// Its linear maps, in the order of torch's modules.
  public var linears: [Linear] { [toQuery, toKey, toValue, toOutput] }

  /// Reads `to_q`, `to_k`, `to_v` (inner, C) without biases and `to_out.0` (C, inner).
  ///
  /// - Parameters:
  ///   - channels: C, width of the tokens
  ///   - textChannels: width of what keys and values are made from; nil for self-attention
  ///   - headWidth: inner = heads · headWidth
  public init(
    _ scope: WeightScope, channels: Int, textChannels: Int? = nil, heads: Int, headWidth: Int
  ) throws {
    let inner = heads * headWidth
    path = scope.path
    toQuery = try Linear(scope["to_q"], channels, inner, bias: false)
    toKey = try Linear(scope["to_k"], textChannels ?? channels, inner, bias: false)
    toValue = try Linear(scope["to_v"], textChannels ?? channels, inner, bias: false)
    toOutput = try Linear(scope["to_out"][0], inner, channels)
    self.heads = heads
  }

  /// Attention from projections that a checkpoint names in its own way.
  public init(path: String, query: Linear, key: Linear, value: Linear, output: Linear, heads: Int) {
    self.path = path
    toQuery = query
    toKey = key
    toValue = value
    toOutput = output
    self.heads = heads
  }

  /// Self-attention within each sample.
  ///
  /// - Parameters:
  ///   - x: (N, L, C)
  ///   - causal: whether token l sees only tokens up to l
  ///   - residual: added to the result, of the same shape
  /// - Returns: (N, L, C)
  public func callAsFunction(
    _ x: Tensor, causal: Bool = false, adding residual: Tensor? = nil, _ context: Context
  ) -> Tensor {
    let attended = Tensor.attention(
      toQuery(x, context), toKey(x, context), toValue(x, context), heads: heads, causal: causal)
    return toOutput(attended, adding: residual, context)
  }

  /// Cross-attention to a prompt.
  ///
  /// - Parameters:
  ///   - x: (N, L, C)
  ///   - text: M prompts; N is a multiple of M, and sample n reads prompt n / (N / M)
  ///   - residual: added to the result, of the same shape
  /// - Returns: (N, L, C)
  public func callAsFunction(
    _ x: Tensor, text: TextContext, adding residual: Tensor? = nil, _ context: Context
  ) -> Tensor {
    let (key, value) = text.prepared[path] ?? keyAndValue(text.hiddenStates, context)
    let attended = Tensor.attention(toQuery(x, context), key, value, heads: heads)
    return toOutput(attended, adding: residual, context)
  }

  /// Keys and values of a prompt: they depend on neither the frame nor the time step.
  ///
  /// - Parameter text: (M, S, D)
  /// - Returns: both (M, S, inner)
  func keyAndValue(_ text: Tensor, _ context: Context) -> (key: Tensor, value: Tensor) {
    (toKey(text, context), toValue(text, context))
  }
}
