public import Tensors

/// What a ``SceneScorer`` saw in a clip of F frames.
public struct SceneReading: Sendable {
  /// Rows of the mask, h.
  public let rows: Int
  /// Columns of the mask, w.
  public let columns: Int
  /// Share of each cell that the subject covers, F · h · w.
  public let coverage: [Float]
  /// What the subject looks like in each frame, (F, C).
  public let features: Tensor
  /// (F, subjects)
  public let subjectLogits: Tensor
  /// (F, places)
  public let placeLogits: Tensor

  /// F
  public var frames: Int { features.shape[0] }

  /// The coverage of one frame, h · w.
  public func coverage(frame: Int) -> ArraySlice<Float> {
    coverage[frame * rows * columns..<(frame + 1) * rows * columns]
  }

  /// The likeliest subject of each frame, as a class number.
  public var subjects: [Int] { Self.likeliest(subjectLogits) }

  /// The likeliest place of each frame, as a class number.
  public var places: [Int] { Self.likeliest(placeLogits) }

  /// Mean cosine of the subject's features in neighbouring frames: 1 for a subject that keeps its looks; nil for one frame.
  public var consistency: Double? {
    guard frames > 1 else { return nil }
    let rows = Self.rows(features)
    let cosines = zip(rows, rows.dropFirst()).map { cosine($0.map(Double.init), $1.map(Double.init)) }
    return cosines.reduce(0, +) / Double(cosines.count)
  }

  private static func likeliest(_ logits: Tensor) -> [Int] {
    rows(logits).map { row in row.indices.max { row[$0] < row[$1] } ?? 0 }
  }

  private static func rows(_ matrix: Tensor) -> [[Float]] {
    let values = matrix.toArray()
    let width = matrix.shape[1]
    return (0..<matrix.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
  }
}

/// The cosine of two vectors; 0 where one of them is nothing.
func cosine(_ a: [Double], _ b: [Double]) -> Double {
  func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  let lengths = (dot(a, a) * dot(b, b)).squareRoot()
  return lengths > 1e-12 ? dot(a, b) / lengths : 0
}
