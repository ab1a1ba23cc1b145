public import Tensors

/// The transformer's feed-forward layer with a gated GELU (Shazeer 2020; diffusers' `FeedForward`, `geglu`).
///
/// C -> 2·4C -> a · gelu(g) -> C; checkpoint keys `net.0.proj` and `net.2`.
public struct FeedForward: Sendable {
  let projection: Linear
  let output: Linear

  /// Its linear maps, in the order of torch's modules.
  public var linears: [Linear] { [projection, output] }

  /// Reads `net.0.proj` (8C, C) and `net.2` (C, 4C).
  public init(_ scope: WeightScope, _ channels: Int) throws {
    projection = try Linear(scope["net"][0]["proj"], channels, 8 * channels)
    output = try Linear(scope["net"][2], 4 * channels, channels)
  }

  /// - Parameters:
  ///   - x: (..., C)
  ///   - residual: added to the result, of the same shape
  /// - Returns: the same shape
  public func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil, _ context: Context) -> Tensor {
    let channels = x.shape[x.rank - 1]
    let tokens = x.count / channels
    guard let size = context.feedForwardChunk, tokens > size else { return whole(x, residual, context) }
    let rows = x.reshaped([tokens, channels])
    let residualRows = residual?.reshaped([tokens, channels])
    let parts = stride(from: 0, to: tokens, by: size).map { first in
      let range = first..<min(first + size, tokens)
      return whole(rows.sliced(axis: 0, range), residualRows?.sliced(axis: 0, range), context)
    }
    return Tensor.concatenated(parts, axis: 0).reshaped(x.shape)
  }

  private func whole(_ x: Tensor, _ residual: Tensor?, _ context: Context) -> Tensor {
    let isAdapted =
      context.adapters.lora[projection.path] != nil || context.adapters.weights[projection.path] != nil
    let gated =
      isAdapted ? projection(x, context).geglu() : x.linearGEGLU(projection.weight, projection.bias)
    return output(gated, adding: residual, context)
  }
}
