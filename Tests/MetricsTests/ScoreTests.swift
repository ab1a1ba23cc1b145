import Tensors
import Testing

@testable import Metrics

/// Scores of clips whose contents are known, and intervals of known values.
@Suite struct ScoreTests {
  static let centres = (0..<8).map { (x: 0.2 + 0.08 * Double($0), y: 0.5) }
  static let stage = Stage(
    centres: centres, radii: Array(repeating: 0.16, count: 8), cameras: Stage.still(8))

  /// Six frames show subject 1 in place 0, two the reference's subject 2 in its place 1.
  static func reading() -> SceneReading {
    let base = stage.reading()
    let subjects = (0..<8).flatMap { frame -> [Float] in frame < 6 ? [0, 3, 1] : [0, 1, 3] }
    let places = (0..<8).flatMap { frame -> [Float] in frame < 6 ? [2, 0] : [0, 2] }
    return SceneReading(
      rows: base.rows, columns: base.columns, coverage: base.coverage, features: base.features,
      subjectLogits: Tensor(subjects, shape: [8, 3]), placeLogits: Tensor(places, shape: [8, 2]))
  }

  static func reference(_ centres: [(x: Double, y: Double)]) -> ReferenceMotion {
    ReferenceMotion(
      subject: SubjectTrack(centres: centres, sizes: Array(repeating: 0.3, count: 8)),
      camera: CameraTrack(cameras: Stage.still(8)), subjectClass: 2, placeClass: 1)
  }

  @Test func countsFrames() throws {
    let score = ClipScore(
      Self.stage.render(), Self.reading(), Self.reference(Self.centres), subject: 1, place: 0)
    let values = score.values
    #expect(values[.subject] == 0.75 && values[.place] == 0.75)
    #expect(values[.leakedSubject] == 0.25 && values[.leakedPlace] == 0.25 && values[.leak] == 0.25)
    #expect(try #require(values[.path]) > 0.999)
    #expect(abs(try #require(values[.amplitude]) - 1) < 0.05)
    #expect(values[.zoom] == nil && values[.camera] == nil)
    #expect(abs(try #require(values[.consistency]) - 1) < 1e-6)
    #expect(values[.works] == 1)
  }

  @Test func aClipThatMovesTheOtherWayDoesNotWork() {
    let back = ClipScore(
      Self.stage.render(), Self.reading(), Self.reference(Self.centres.reversed()), subject: 1, place: 0)
    #expect(back.values[.path].map { $0 < -0.99 } == true && back.values[.works] == 0)
    let other = ClipScore(
      Self.stage.render(), Self.reading(), Self.reference(Self.centres), subject: 0, place: 0)
    #expect(other.values[.subject] == 0 && other.values[.works] == 0)
  }

  @Test func aReferenceAtRestHasNoPath() {
    let rest = ClipScore(
      Self.stage.render(), Self.reading(), Self.reference(Array(repeating: (0.5, 0.5), count: 8)), subject: 1,
      place: 0)
    #expect(rest.values[.path] == nil && rest.values[.works] == nil && rest.values[.subject] == 0.75)
  }

  /// A subject that jumps once, between the frames 3 and 4, where the second window begins.
  @Test func jumpsAreFoundWhereWindowsMeet() throws {
    let centres = (0..<8).map { (x: $0 < 4 ? 0.3 : 0.6, y: 0.5) }
    let stage = Stage(centres: centres, radii: Array(repeating: 0.16, count: 8), cameras: Stage.still(8))
    let rest = Self.reference(Array(repeating: (0.5, 0.5), count: 8))
    func values(_ windows: [Range<Int>]) -> [Metric: Double] {
      ClipScore(stage.render(), stage.reading(), rest, subject: 1, place: 0, windows: windows).values
    }
    func near(_ value: Double?, _ expected: Double) -> Bool { value.map { abs($0 - expected) < 0.02 } ?? false }
    let seams = values([0..<4, 4..<8])
    #expect(near(seams[.seamStep], 0.3) && near(seams[.insideStep], 0))
    let inside = values([0..<6, 2..<8])
    #expect(near(inside[.seamStep], 0) && near(inside[.insideStep], 0.06))
    #expect(values([0..<8])[.seamStep] == nil)
  }

  @Test func clipsOfTwoSeedsDiffer() throws {
    let clip = Self.stage.render()
    func diversity(_ other: Tensor?) -> Double? {
      ClipScore(clip, Self.reading(), Self.reference(Self.centres), subject: 1, place: 0, other: other)
        .values[.diversity]
    }
    #expect(diversity(nil) == nil && diversity(clip) == 0)
    #expect(abs(try #require(diversity(clip + 0.5)) - 0.25) < 1e-5)
  }

  @Test func intervalsCoverTheMean() throws {
    var generator = TorchGenerator(seed: 1)
    let groups = (0..<40).map { _ in generator.randn([4]).toArray().map { 0.5 + 0.1 * Double($0) } }
    let interval = try #require(Interval(groups: groups))
    #expect(interval.low < interval.mean && interval.mean < interval.high)
    // 160 independent values of deviation 0.1: about 2 · 2.02 · 0.1 / sqrt(160) wide.
    #expect(abs(interval.high - interval.low - 0.032) < 0.01)
    // Values that agree within a group hold less: wider.
    let same = groups.map { Array(repeating: $0[0], count: 4) }
    #expect(try #require(Interval(groups: same)).high - (try #require(Interval(groups: same))).low > 0.045)
    let one = try #require(Interval(groups: [[], [0.25, 0.75]]))
    #expect(one.mean == 0.5 && one.low == -.infinity && one.high == .infinity)
    #expect(Interval(groups: [[]]) == nil)
    // scipy.stats.t.interval(0.95, n - 1, mean, sem) of single values.
    for (values, low, high) in [
      ([0.0, 1], -5.853102, 6.853102), ([1.0, 2, 4, 5, 7, 9], 1.506721, 7.826612),
      ((0..<25).map { Double($0 * $0 % 7) }, 1.358511, 2.561489),
    ] {
      let interval = try #require(Interval(groups: values.map { [$0] }))
      #expect(abs(interval.low - low) < 1e-3 && abs(interval.high - high) < 1e-3, "\(interval)")
    }
  }
}
