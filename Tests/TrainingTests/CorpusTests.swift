import Testing

@testable import Training

@Suite struct CorpusTests {
  static func corpus(size: Int) throws -> Corpus {
    try Corpus(atlas: SpriteAtlas(contentsOf: "\(repository)/Plugin/Models/corpus/sprites.rgba"), size: size)
  }

  static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

  @Test func sameSeedSameClip() throws {
    let corpus = try Self.corpus(size: 64)
    let clip = corpus.sample(seed: 3, index: 5, frames: 4)
    #expect(clip.pixels.count == 4 * 64 * 64 * 3)
    #expect(clip.pixels == corpus.sample(seed: 3, index: 5, frames: 4).pixels)
    #expect(clip.pixels != corpus.sample(seed: 3, index: 6, frames: 4).pixels)
    #expect(clip.pixels.allSatisfy { (-1...1).contains($0) })
  }

  @Test func captionsNameSubjectAndPlace() throws {
    let corpus = try Self.corpus(size: 8)
    let words = Set(corpus.words)
    var kinds: Set<String> = []
    for index in 0..<400 {
      let (scene, caption) = corpus.draw(seed: 1, index: UInt64(index), frames: 2, captionDropout: 0)
      #expect(caption.contains(scene.subjectName) && caption.contains(scene.place.rawValue))
      #expect(caption.split(separator: " ").allSatisfy { words.contains(String($0)) })
      #expect(caption.split(separator: " ").count <= 14)
      kinds.insert(scene.motion.rawValue)
    }
    #expect(kinds.count == MotionKind.allCases.count)
  }

  @Test func heldOutCombinationsAreNeverDrawn() throws {
    let corpus = try Self.corpus(size: 8)
    var pairs: Set<String> = []
    for index in 0..<6000 {
      let scene = corpus.draw(seed: 2, index: UInt64(index), frames: 2, captionDropout: 0).scene
      let subject = try #require(corpus.subjects.firstIndex(of: scene.subjectName))
      #expect(!Corpus.isHeldOut(subject: subject, place: scene.place, motion: scene.motion))
      pairs.insert(scene.caption)
    }
    // Two hundred pairs, ten of which are held out altogether.
    #expect(pairs.count == 190)
  }

  /// A subject that stands in the world moves against a panning camera, and the backdrop with it.
  @Test func cameraMovesTheWorld() throws {
    let corpus = try Self.corpus(size: 32)
    let scene = try corpus.scene(subject: "duck", place: .forest, motion: .pan, seed: 4, frames: 8)
    let (first, last) = (scene.cameras[0], scene.cameras[7])
    #expect(abs(last.x - first.x) + abs(last.y - first.y) > 0.2)
    let pixels = corpus.render(scene)
    #expect(pixels.prefix(32 * 32 * 3) != pixels.suffix(32 * 32 * 3))
    let pose = Pose(x: 0.6, y: 0.4, size: 0.2)
    let seen = Camera(x: 0.1, y: -0.1, zoom: 2).view(of: pose)
    #expect(abs(seen.x - 0.5) < 1e-6 && abs(seen.y - 0.5) < 1e-6 && seen.size == 0.4)
  }

  @Test func atlasRefusesOtherFiles() {
    #expect(throws: TrainingError.self) { try SpriteAtlas(Array("sprites 48 frog\nabc".utf8)) }
    #expect(throws: TrainingError.self) { try SpriteAtlas([]) }
    #expect(throws: TrainingError.self) { try SpriteAtlas(contentsOf: "/nonexistent") }
  }

  @Test func eachWordIsOneToken() throws {
    let words = try Self.corpus(size: 8).words
    let tokenizer = TokenizerFiles(words: words)
    let ids = tokenizer.ids()
    #expect(ids["!"] == 0)
    for word in words { #expect(ids["\(word)</w>"] != nil) }
    let encoded = tokenizer.encode("a frog on grass", ids)
    #expect(encoded.count == 16 && encoded.first == tokenizer.startId)
    #expect(encoded[5] == tokenizer.endId && encoded.last == tokenizer.endId)
  }
}
