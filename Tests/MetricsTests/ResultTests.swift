import Checkpoints
import Foundation
import Testing

@testable import Metrics

/// The list of pairs, the log that a killed process leaves, and the tables.
@Suite struct ResultTests {
  static let scorer = try? SceneScorerConfiguration(Golden.configuration("scorer/config.json"))

  static func list(_ text: String) throws -> PairList {
    let json = try Configuration(try JSON(parsing: Array(text.utf8), file: "pairs.json"), file: "pairs.json")
    return try PairList(json, try #require(scorer))
  }

  static func reference(_ change: String) -> String {
    #"{"references": [{"name": "hop", "subject": "pig", "place": "on grass", "motion": "hop", "seed": 4, \#(change)}]}"#
  }

  @Test func readsPairs() throws {
    let list = try Self.list(Self.reference(#""prompts": ["a frog at night", "a star on blue"]"#))
    let hop = try #require(list.references.first)
    #expect(hop.subject == "pig" && hop.place == "on grass" && hop.seed == 4)
    #expect(hop.prompts.map(\.subject) == [0, 3] && hop.prompts.map(\.place) == [1, 2])
  }

  @Test(arguments: [
    #""prompts": []"#, #""prompts": ["a pig at night"]"#, #""prompts": ["a frog on grass"]"#,
    #""prompts": ["a fox at night"]"#, #""prompts": ["frog at night"]"#,
  ])
  func refusesPairs(change: String) {
    #expect(throws: CheckpointError.self) { try Self.list(Self.reference(change)) }
  }

  /// The list that measurements run over, against the names of the sprite atlas.
  @Test func theFixedListIsLargeEnough() throws {
    let corpus = Golden.folder + "/../../Plugin/Models/corpus"
    let atlas = try #require(FileManager.default.contents(atPath: corpus + "/sprites.rgba"))
    let header = try #require(String(data: atlas.prefix { $0 != UInt8(ascii: "\n") }, encoding: .utf8))
    var classes = try #require(Self.scorer)
    classes.subjects = header.split(separator: " ").dropFirst(2).map(String.init)
    classes.places = [
      "on grass", "in the snow", "in the desert", "at night", "in the sea", "at sunset", "in the forest",
      "in the sky", "on blue", "on a road",
    ]
    let list = try PairList(Configuration(contentsOf: corpus + "/pairs.json"), classes)
    #expect(list.references.count <= 25)
    #expect(list.references.reduce(0) { $0 + $1.prompts.count } >= 100)
    #expect(list.references.last.map { $0.name == "ball" && $0.prompts.count == 10 } == true)
    // Ten motions that are each shown by three clips.
    let small = try PairList(Configuration(contentsOf: corpus + "/pairs-short.json"), classes)
    #expect(small.references.count == 10 && small.references.allSatisfy { $0.prompts.count == 3 && $0.also.count == 2 })
  }

  static func entry(
    _ id: String, _ reference: String, _ values: [Metric: Double], method: String = "control"
  ) -> ResultLog.Entry {
    ResultLog.Entry(
      id: id, reference: reference, prompt: "a \"frog\"", method: method, seed: 2, seconds: 1.5,
      score: ClipScore(values: values))
  }

  @Test func logSurvivesAKilledWriter() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "results-\(UUID()).jsonl").path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let first = Self.entry("1", "hop", [.path: 0.25, .works: 1])
    let second = Self.entry("2", "hop", [.path: -1e-7])
    do {
      let log = try ResultLog(path)
      try log.append(first)
      try log.append(second)
    }
    let whole = try #require(FileManager.default.contents(atPath: path))
    #expect(try ResultLog(path).entries == ["1": first, "2": second])
    try whole.dropLast(9).write(to: URL(filePath: path))
    let cut = try ResultLog(path)
    #expect(cut.entries == ["1": first])
    try cut.append(second)
    #expect(FileManager.default.contents(atPath: path) == whole)
    try Data("nonsense\n".utf8).write(to: URL(filePath: path))
    #expect(throws: CheckpointError.self) { try ResultLog(path) }
  }

  @Test func tablesHoldMeansAndIntervals() {
    let entries = [
      Self.entry("1", "hop", [.path: 0.5, .works: 1]), Self.entry("2", "line", [.path: 1, .works: 0]),
    ]
    let table = ResultTable(entries, methods: ["control", "other"])
    let lines = table.byMethod.split(separator: "\n")
    #expect(lines.count == 4)
    // Measures that no clip has have no column.
    #expect(lines[0] == "| method | clips | path | works |")
    #expect(lines[2] == "| control | 2 | 0.750 (-2.427 to 3.927) | 0.500 (-5.853 to 6.853) |")
    #expect(lines[3] == "| other | 0 | - | - |")
    #expect(table.byReference.contains("| line | 1.00, 0 % | -, - |"))
  }

  @Test func differencesAreThoseOfTheSameClips() {
    let entries = [
      Self.entry("1", "hop", [.path: 0.5]), Self.entry("2", "line", [.path: 1]),
      Self.entry("3", "hop", [.path: 0.25], method: "other"), Self.entry("4", "line", [.path: 0.75], method: "other"),
      Self.entry("5", "arc", [.path: -1], method: "other"),
    ]
    let lines = ResultTable(entries, methods: ["control", "other"]).differences(from: "control").split(separator: "\n")
    // The arc has no clip to differ from.
    #expect(lines.last == "| other | -0.250 (-0.250 to -0.250) |" && lines.count == 3)
  }

  @Test func numbersHaveTheirDigits() {
    #expect(decimals(-0.0004, 3) == "0.000" && decimals(-1.25, 1) == "-1.3" && decimals(99.6, 0) == "100")
    #expect(decimals(1.005, 2).hasPrefix("1.0") && decimals(.nan, 2) == "nan")
  }
}
