import Checkpoints
import Testing

@testable import Training

/// The references of the measurements still show what their names say.
@Suite struct ReferenceListTests {
  static func scenes() throws -> [String: Scene] {
    let folder = "\(CorpusTests.repository)/Plugin/Models/corpus"
    let corpus = try Corpus(atlas: SpriteAtlas(contentsOf: "\(folder)/sprites.rgba"), size: 16)
    let list = try Configuration(contentsOf: "\(folder)/pairs.json")
    var scenes: [String: Scene] = [:]
    for element in try #require(list.values["references"]?.array) {
      let json = try Configuration(element, file: list.file)
      guard json.has("subject") else { continue }
      scenes[try json.string("name")] = try corpus.scene(
        subject: try json.string("subject"), place: try #require(Place(rawValue: try json.string("place"))),
        motion: try #require(MotionKind(rawValue: try json.string("motion"))),
        seed: UInt64(try json.int("seed", in: 1...100_000)), frames: 16)
    }
    return scenes
  }

  @Test func subjectsStayInSight() throws {
    let scenes = try Self.scenes()
    #expect(scenes.count == 24)
    for (name, scene) in scenes {
      #expect(scene.poses.allSatisfy { (0.1...0.9).contains($0.x) && (0.1...0.9).contains($0.y) }, "\(name)")
    }
  }

  @Test(arguments: [
    ("right", 1, 0), ("left", -1, 0), ("up", 0, -1), ("down", 0, 1), ("diagonal-up", 1, -1), ("diagonal-down", -1, 1),
    ("hop", 1, 0), ("hop-left", -1, 0),
  ])
  func subjectsGoWhereTheNameSays(name: String, right: Float, down: Float) throws {
    let poses = try #require(try Self.scenes()[name]).poses
    let x = poses[15].x - poses[0].x
    let y = poses[15].y - poses[0].y
    #expect(abs(right) == 1 ? x * right > 0.28 : abs(x) < 0.1)
    #expect(abs(down) == 1 ? y * down > 0.28 : abs(y) < 0.1)
  }

  @Test func camerasGoWhereTheNameSays() throws {
    let scenes = try Self.scenes()
    func last(_ name: String) throws -> (first: Camera, last: Camera) {
      let cameras = try #require(scenes[name]).cameras
      return (cameras[0], cameras[15])
    }
    let (right, left, up) = (try last("pan-right"), try last("pan-left"), try last("pan-up"))
    #expect(right.last.x - right.first.x > 0.25)
    #expect(left.last.x - left.first.x < -0.25)
    #expect(up.last.y - up.first.y < -0.25)
    let (closer, wider) = (try last("zoom-in"), try last("zoom-out"))
    #expect(closer.last.zoom > 1.3 * closer.first.zoom)
    #expect(wider.first.zoom > 1.3 * wider.last.zoom)
  }
}
