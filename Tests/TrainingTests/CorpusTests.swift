import Testing

@testable import Training

@Suite struct CorpusTests {
  static func corpus() throws -> Corpus {
    try Corpus(atlas: SpriteAtlas(contentsOf: "\(repository)/Plugin/Models/corpus/sprites.rgba"))
  }

  static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

  @Test func sameSeedSameClip() throws {
    let corpus = try Self.corpus()
    let clip = corpus.sample(seed: 3, index: 5, frames: 8)
    #expect(clip.pixels.count == 8 * 64 * 64 * 3)
    #expect(clip.pixels == corpus.sample(seed: 3, index: 5, frames: 8).pixels)
    #expect(clip.pixels != corpus.sample(seed: 3, index: 6, frames: 8).pixels)
    #expect(clip.pixels.allSatisfy { (-1...1).contains($0) })
  }

  @Test func captionsNameSubjectAndPlace() throws {
    let corpus = try Self.corpus()
    let words = Set(corpus.words)
    var seen: Set<String> = []
    for index in 0..<200 {
      let sample = corpus.sample(seed: 1, index: UInt64(index), frames: 2, captionDropout: 0)
      #expect(sample.caption.contains(sample.subject) && sample.caption.hasSuffix(sample.place.rawValue))
      #expect(sample.caption.split(separator: " ").allSatisfy { words.contains(String($0)) })
      seen.insert(sample.subject + sample.place.rawValue)
    }
    #expect(seen.count > 50)
  }

  @Test func atlasRefusesOtherFiles() {
    #expect(throws: TrainingError.self) { try SpriteAtlas(Array("sprites 48 frog\nabc".utf8)) }
    #expect(throws: TrainingError.self) { try SpriteAtlas([]) }
    #expect(throws: TrainingError.self) { try SpriteAtlas(contentsOf: "/nonexistent") }
  }

  @Test func eachWordIsOneToken() throws {
    let words = try Self.corpus().words
    let tokenizer = TokenizerFiles(words: words)
    let ids = tokenizer.ids()
    #expect(ids["!"] == 0)
    for word in words { #expect(ids["\(word)</w>"] != nil) }
    let encoded = tokenizer.encode("a frog on grass", ids)
    #expect(encoded.count == 16 && encoded.first == tokenizer.startId)
    #expect(encoded[5] == tokenizer.endId && encoded.last == tokenizer.endId)
  }
}
