import Foundation
import Tensors
import Testing

@testable import Metrics

/// Both trackers on motions that are known.
@Suite struct TrackTests {
  static let times = (0..<8).map { Double($0) / 7 }

  @Test func subjectFollowsACircle() {
    let centres = Self.times.map { (x: 0.5 + 0.22 * cos(6 * $0), y: 0.5 + 0.22 * sin(6 * $0)) }
    let radii = Array(repeating: 0.16, count: 8)
    let stage = Stage(centres: centres, radii: radii, cameras: Stage.still(8))
    let track = SubjectTrack(stage.reading())
    let truth = SubjectTrack(centres: centres, sizes: radii)
    #expect(track.path.agreement(with: truth.path) > 0.999)
    #expect(abs(track.path.amplitude / truth.path.amplitude - 1) < 0.02)
    #expect(track.visible == 1)
    let backwards = SubjectTrack(centres: centres.reversed(), sizes: radii)
    #expect(track.path.agreement(with: backwards.path) < 0.2)
  }

  @Test func subjectGrows() {
    let radii = Self.times.map { 0.1 * pow(3, $0) }
    let stage = Stage(
      centres: Self.times.map { _ in (0.5, 0.5) }, radii: radii, cameras: Stage.still(8))
    let track = SubjectTrack(stage.reading())
    let truth = SubjectTrack(centres: stage.centres, sizes: radii)
    #expect(track.logSize.agreement(with: truth.logSize) > 0.99)
    #expect(abs(track.logSize.amplitude / truth.logSize.amplitude - 1) < 0.1)
    #expect(track.path.amplitude < 0.01)
  }

  @Test func aFrameWithoutSubjectIsBetweenItsNeighbours() {
    let centres = Self.times.map { (x: 0.2 + 0.6 * $0, y: 0.5) }
    let radii = Array(repeating: 0.14, count: 8)
    let stage = Stage(centres: centres, radii: radii, cameras: Stage.still(8))
    let truth = SubjectTrack(centres: centres, sizes: radii)
    let some = SubjectTrack(stage.reading(hidden: [3, 4]))
    #expect(some.visible == 0.75)
    #expect(some.path.agreement(with: truth.path) > 0.99)
    let none = SubjectTrack(stage.reading(hidden: Set(0..<8)))
    #expect(none.visible == 0)
    #expect(none.path.agreement(with: truth.path) == 0)
  }

  @Test(arguments: [Float(0), 0.05])
  func cameraPans(noise: Float) {
    // The disc goes the other way, and must not be taken for the background.
    let stage = Stage(
      centres: Self.times.map { (x: 0.25 + 0.5 * $0, y: 0.5) }, radii: Array(repeating: 0.18, count: 8),
      cameras: Self.times.map { (x: 0.3 * $0, y: -0.1 * $0, zoom: 1) }, noise: noise)
    expect(stage, agreement: noise == 0 ? 0.999 : 0.98)
  }

  @Test(arguments: [1.6, 0.6])
  func cameraZooms(ratio: Double) {
    let stage = Stage(
      centres: Self.times.map { _ in (x: 0.4, y: 0.6) }, radii: Array(repeating: 0.18, count: 8),
      cameras: Self.times.map { (x: 0, y: 0, zoom: pow(ratio, $0)) }, noise: 0.02)
    expect(stage, agreement: 0.99)
  }

  private func expect(_ stage: Stage, agreement: Double) {
    let found = CameraTrack(stage.render(), stage.reading()).path
    let truth = CameraTrack(cameras: stage.cameras).path
    #expect(found.agreement(with: truth) > agreement)
    #expect(abs(found.amplitude / truth.amplitude - 1) < 0.1)
  }

  @Test func aStillCameraStaysStill() {
    let stage = Stage(
      centres: Self.times.map { (x: 0.2 + 0.6 * $0, y: 0.5) }, radii: Array(repeating: 0.2, count: 8),
      cameras: Stage.still(8), noise: 0.05)
    #expect(CameraTrack(stage.render(), stage.reading()).path.amplitude < ReferenceMotion.leastCamera / 3)
  }
}
