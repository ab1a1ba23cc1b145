import Checkpoints
import Foundation
import Testing

@Suite("configuration")
struct ConfigurationTests {
  private func parse(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8), file: "x.json") }

  private func configuration(_ text: String) throws -> Configuration {
    try Configuration(parse(text), file: "x.json")
  }

  @Test("JSON values")
  func values() throws {
    let json = try parse(
      #" {"a": [1, -2.5, 1e-05, true, null], "b": {"c": "\u00e9\ud83e\udd8a\n\/"}, "d": "", "e": 1e400x} "#
        .replacing("1e400x", with: "20000000000000000000"))
    #expect(json["a"]?.array == [.integer(1), .number(-2.5), .number(1e-05), .bool(true), .null])
    #expect(json["b"]?["c"]?.string == "é🦊\n/")
    #expect(json["d"]?.string == "")
    #expect(json["e"] == .number(20000000000000000000))
    #expect(json["f"] == nil)
  }

  @Test(
    "broken JSON is refused",
    arguments: [
      "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "01", "1.", "-", "+1", ".5", "1e", "nul", "tru",
      "NaN", "Infinity", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
      "\"\u{1}\"", "1 2", "{\"a\":1,\"a\":2}", "1e999", "[1 2]", "'a'",
    ])
  func broken(_ text: String) {
    expectError(.badData, "x.json: invalid JSON at byte") { _ = try parse(text) }
  }

  @Test("invalid UTF-8 and depth are refused")
  func bytes() {
    expectError(.badData, "UTF-8") { _ = try JSON(parsing: [0x22, 0xFF, 0x22], file: "x.json") }
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    expectError(.badData, "nested deeper") { _ = try JSON(parsing: deep, file: "x.json") }
  }

  @Test("typed access")
  func access() throws {
    let file = try configuration(
      """
      {"i": 4, "w": 64.0, "f": 0.5, "t": true, "s": "silu", "n": null, "l": [1, 2], "names": ["a", "b"],
       "o": {"k": 1}}
      """)
    #expect(try file.int("i") == 4)
    #expect(try file.int("w") == 64)
    #expect(try file.int("n", default: 3) == 3)
    #expect(try file.double("f") == 0.5)
    #expect(try file.double("i") == 4)
    #expect(try file.double("none", default: 2) == 2)
    #expect(try file.bool("t"))
    #expect(try file.bool("none", default: false) == false)
    #expect(try file.string("s") == "silu")
    #expect(try file.string("s", among: ["silu", "gelu"]) == "silu")
    #expect(try file.ints("l") == [1, 2])
    #expect(try file.ints("i", count: 3) == [4, 4, 4])
    #expect(try file.strings("names") == ["a", "b"])
    #expect(try file.doubles("l") == [1, 2])
    #expect(try file.nested("o")?.int("k") == 1)
    #expect(try file.nested("none") == nil)
    #expect(!file.has("n") && file.has("i"))
  }

  @Test("errors name file, key, found and expected")
  func errors() throws {
    let file = try configuration(#"{"i": "four", "big": 9000000000, "l": [1, "a"], "o": {"k": []}, "e": []}"#)
    expectError(.badData, "x.json", "\"i\"", "found \"four\" (a string)", "an integer from 1 to") {
      _ = try file.int("i")
    }
    expectError(.badData, "found 9000000000", "from 1 to 64") { _ = try file.int("big", in: 1...64) }
    expectError(.badData, "absent, expected a number") { _ = try file.double("none") }
    expectError(.badData, "expected true or false") { _ = try file.bool("i") }
    expectError(.badData, "expected a string") { _ = try file.string("l") }
    expectError(.badData, "one of \"silu\", \"gelu\"") { _ = try file.string("i", among: ["silu", "gelu"]) }
    expectError(.badData, "a list of integers") { _ = try file.ints("l") }
    expectError(.badData, "a list of 3 integers") { _ = try file.ints("l", count: 3) }
    expectError(.badData, "a list of integers") { _ = try file.ints("e") }
    expectError(.badData, "a list of strings") { _ = try file.strings("l") }
    expectError(.badData, "a list of numbers") { _ = try file.doubles("l") }
    expectError(.badData, "an object") { _ = try file.nested("i") }
    expectError(.badData, "\"o.k\"") { _ = try file.nested("o")?.int("k") }
    expectError(.badData, "expected an object") { _ = try configuration("[]") }
    try withFile([UInt8](repeating: 0x20, count: 5 << 20)) { path in
      expectError(.badData, "at most") { _ = try Configuration(contentsOf: path) }
    }
  }
}
