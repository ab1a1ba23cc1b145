public import Tensors

/// A table of vectors, looked up by index (torch's `nn.Embedding`).
public struct Embedding: Sendable {
  /// (V, C); may rest in half precision.
  public let weight: Tensor

  /// Number of rows, V.
  public var count: Int { weight.shape[0] }

  /// Reads `weight` (V, C).
  public init(_ scope: WeightScope, _ count: Int, _ channels: Int, initializer: Initializer) throws {
    weight = try scope("weight", [count, channels], .matrix, initializer)
  }

  /// - Parameter rows: indices below V, at least one
  /// - Returns: (rows.count, C)
  public func callAsFunction(_ rows: [Int]) -> Tensor {
    if weight.dtype == .float32 { return weight.gatherRows(rows) }
    return Tensor.concatenated(rows.map { weight.sliced(axis: 0, $0..<$0 + 1).widened() }, axis: 0)
  }
}
