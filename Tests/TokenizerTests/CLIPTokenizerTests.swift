import Checkpoints
import Diffusion
import Foundation
import Testing

@Suite("CLIP tokenizer")
struct CLIPTokenizerTests {
  static let goldens = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/tokenizer")

  struct Golden: Decodable {
    struct Case: Decodable {
      var text: String
      var ids: [Int]
    }
    var length: Int
    var start: Int
    var end: Int
    var padding: Int
    var texts: [Case]
    var short: [Case]
  }

  @Test("gives transformers' ids", arguments: ["pad-exclamation", "pad-end", "newer", "middle", "bare"])
  func goldens(_ name: String) throws {
    let folder = Self.goldens.appending(path: name)
    let golden = try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: folder.appending(path: "golden.json")))
    let tokenizer = try CLIPTokenizer(folder: folder.path())
    #expect(tokenizer.modelMaxLength == golden.length)
    #expect(tokenizer.startToken == golden.start)
    #expect(tokenizer.endToken == golden.end)
    #expect(tokenizer.padToken == golden.padding)
    #expect(golden.texts.count > 30)
    for item in golden.texts {
      let padding = Array(repeating: golden.padding, count: 77 - item.ids.count)
      #expect(tokenizer.encode(item.text) == item.ids + padding, "\(item.text.debugDescription)")
    }
    for item in golden.short {
      #expect(tokenizer.encode(item.text, maxLength: 8) == item.ids, "\(item.text.debugDescription)")
    }
  }

  @Test("both ways of padding")
  func padding() throws {
    let exclamation = try CLIPTokenizer(folder: Self.goldens.appending(path: "pad-exclamation").path())
    let end = try CLIPTokenizer(folder: Self.goldens.appending(path: "pad-end").path())
    #expect(exclamation.padToken == 0)
    #expect(exclamation.encode("hi!").contains(0))
    #expect(exclamation.encode("").suffix(75).allSatisfy { $0 == 0 })
    #expect(end.padToken == end.endToken)
    #expect(!end.encode("hi!").contains(0))
    #expect(end.encode("").suffix(76).allSatisfy { $0 == end.endToken })
  }

  @Test("the length is capped, never below start and end")
  func lengths() throws {
    let tokenizer = try CLIPTokenizer(folder: Self.goldens.appending(path: "pad-end").path())
    let text = String(repeating: "fox ", count: 1000)
    #expect(tokenizer.encode(text).count == 77)
    #expect(tokenizer.encode(text).last == tokenizer.endToken)
    #expect(tokenizer.encode(text, maxLength: 1000).count == 77)
    #expect(tokenizer.encode(text, maxLength: 2) == [tokenizer.startToken, tokenizer.endToken])
    #expect(tokenizer.encode(text, maxLength: 0) == [tokenizer.startToken, tokenizer.endToken])
  }

  @Test("a very long word ends in reasonable time")
  func longWord() throws {
    let tokenizer = try CLIPTokenizer(folder: Self.goldens.appending(path: "pad-end").path())
    #expect(tokenizer.encode(String(repeating: "the", count: 100_000)).count == 77)
  }

  @Test("damaged folders are refused with the file's name")
  func damaged() throws {
    let original = Self.goldens.appending(path: "pad-exclamation")
    let cases: [(file: String, contents: String?, message: String)] = [
      ("vocab.json", nil, "holds no vocabulary"),
      ("vocab.json", "{\"a\": 1", "vocab.json: invalid JSON"),
      ("vocab.json", "{\"a\": -1}", "expected a small integer"),
      ("vocab.json", "[]", "expected an object"),
      ("vocab.json", "{\"a\": 1}", "is not in the vocabulary"),
      ("merges.txt", nil, "merges.txt: No such file"),
      ("merges.txt", "#version: 0.2\na b c\n", "merge 1 is not a pair"),
      ("merges.txt", "#version: 0.2\nq zzz\n", "vocabulary lacks"),
      ("special_tokens_map.json", "{\"pad_token\": \"<nothing>\"}", "not in the vocabulary"),
      ("special_tokens_map.json", "{\"pad_token\": 7}", "expected a token"),
      ("tokenizer_config.json", "{\"model_max_length\": 1}", "expected at least 2"),
      ("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": \"a\"}}", "expected an id as key"),
    ]
    for item in cases {
      let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID())")
      try FileManager.default.copyItem(at: original, to: folder)
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = folder.appending(path: item.file)
      try FileManager.default.removeItem(at: file)
      try item.contents?.write(to: file, atomically: false, encoding: .utf8)
      let error = #expect(throws: CheckpointError.self) { try CLIPTokenizer(folder: folder.path()) }
      #expect(error?.message.contains(item.message) ?? false, "\(item.file): \(error?.message ?? "")")
    }
  }
}
