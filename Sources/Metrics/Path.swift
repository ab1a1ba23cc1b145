/// Where something is in each frame of a clip, as a point of one or more coordinates: a subject's centre, its size, a
/// camera's view.
public struct Path: Sendable, Equatable {
  /// (F, D), all points of one length.
  public let points: [[Double]]

  /// - Parameter points: F points of D coordinates
  public init(_ points: [[Double]]) {
    precondition(Set(points.map(\.count)).count <= 1, "all points have as many coordinates")
    self.points = points
  }

  /// All coordinates less their mean over the frames, one after the other.
  private var centred: [Double] {
    guard let first = points.first else { return [] }
    let means = first.indices.map { axis in points.reduce(0) { $0 + $1[axis] } / Double(points.count) }
    return points.flatMap { point in zip(point, means).map { $0 - $1 } }
  }

  /// How far it goes: the root mean square of the distance from its mean.
  public var amplitude: Double {
    points.isEmpty ? 0 : (centred.reduce(0) { $0 + $1 * $1 } / Double(points.count)).squareRoot()
  }

  /// How far each frame-to-frame step is from the other path's, F - 1 distances.
  public func stepErrors(against other: Path) -> [Double] {
    precondition(points.count == other.points.count, "paths over as many frames")
    return (0..<max(points.count - 1, 0)).map { index in
      points[index].indices.reduce(0) { sum, axis in
        let step = points[index + 1][axis] - points[index][axis]
        let expected = other.points[index + 1][axis] - other.points[index][axis]
        return sum + (step - expected) * (step - expected)
      }.squareRoot()
    }
  }

  /// The cosine of the two paths about their means: 1 for the same movement, wherever it happens and however large; 0 for none.
  public func agreement(with other: Path) -> Double {
    precondition(points.count == other.points.count, "paths over as many frames")
    return cosine(centred, other.centred)
  }
}
