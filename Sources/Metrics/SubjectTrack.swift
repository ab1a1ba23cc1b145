import Glibc

/// Where the subject of a clip is and how large it is, frame by frame.
public struct SubjectTrack: Sendable, Equatable {
  /// Centre as x, y in frame edges, 0 left or top.
  public let path: Path
  /// Logarithm of the size (the square root of the area) in frame edges: one coordinate.
  public let logSize: Path
  /// Share of the frames in which there is a subject.
  public let visible: Double

  /// Cells that are covered less do not count: faint ones everywhere would draw the centre to the middle.
  public static let floor: Float = 0.3
  /// A subject covers at least this many cells.
  static let leastCells = 1.5

  /// From known centres and sizes, as a corpus scene has them.
  public init(centres: [(x: Double, y: Double)], sizes: [Double]) {
    path = Path(centres.map { [$0.x, $0.y] })
    logSize = Path(sizes.map { [log(max($0, 1e-6))] })
    visible = 1
  }

  /// From what a scorer saw. A frame without a subject gets what lies between its neighbours with one.
  public init(_ reading: SceneReading) {
    let found = (0..<reading.frames).map { Self.locate(reading, frame: $0) }
    let known = found.indices.filter { found[$0] != nil }
    visible = Double(known.count) / Double(max(found.count, 1))
    let points = found.indices.map { frame in
      Self.between(found, known, frame) ?? [0.5, 0.5, log(1e-6)]
    }
    path = Path(points.map { Array($0[..<2]) })
    logSize = Path(points.map { [$0[2]] })
  }

  /// x, y, log size.
  private static func locate(_ reading: SceneReading, frame: Int) -> [Double]? {
    var (total, x, y) = (0.0, 0.0, 0.0)
    for (cell, coverage) in reading.coverage(frame: frame).enumerated() where coverage >= floor {
      let (row, column) = cell.quotientAndRemainder(dividingBy: reading.columns)
      total += Double(coverage)
      x += Double(coverage) * (Double(column) + 0.5)
      y += Double(coverage) * (Double(row) + 0.5)
    }
    guard total >= leastCells else { return nil }
    let area = total / Double(reading.rows * reading.columns)
    return [x / total / Double(reading.columns), y / total / Double(reading.rows), log(area) / 2]
  }

  /// The frame's own values, or those in a straight line between the nearest known frames, or the nearest one's at the ends.
  private static func between(_ found: [[Double]?], _ known: [Int], _ frame: Int) -> [Double]? {
    guard let before = known.last(where: { $0 <= frame }) ?? known.first,
      let after = known.first(where: { $0 >= frame }) ?? known.last,
      let start = found[before], let end = found[after]
    else { return nil }
    let share = after > before ? Double(frame - before) / Double(after - before) : 0
    return zip(start, end).map { $0 + ($1 - $0) * share }
  }
}
