public import Checkpoints

/// References and the prompts that are to move like them: the fixed list that measurements run over.
///
/// A JSON object with `references`, each with `name` (also a file name), `motion`, `seed`, `prompts` and, where it shows
/// something that the scorer knows, `subject` and `place`; `prompt` says what it shows where it does not. `also` lists what
/// further clips of the same motion show, for methods that learn from several.
public struct PairList: Sendable, Equatable {
  /// What a generated clip shows: "a fox in the snow".
  public struct Prompt: Sendable, Equatable {
    /// As the model gets it.
    public let text: String
    /// Class of the subject.
    public let subject: Int
    /// Class of the place.
    public let place: Int
  }

  /// One reference.
  public struct Reference: Sendable, Equatable {
    /// Unique; letters, digits and hyphens.
    public let name: String
    /// What moves; nil for something that the scorer does not know.
    public let subject: String?
    /// Where; nil likewise.
    public let place: String?
    /// How.
    public let motion: String
    /// Of the scene's random draws.
    public let seed: UInt64
    /// What the reference shows, for learning.
    public let prompt: String?
    /// What is to move like it; never its own subject or place.
    public let prompts: [Prompt]
    /// What further clips of the same motion show.
    public let also: [Prompt]
  }

  /// In the file's order.
  public let references: [Reference]

  /// - Parameters:
  ///   - json: the file's object
  ///   - scorer: whose classes the names are
  /// - Throws: `CheckpointError` that names the key, for a wrong value
  public init(_ json: Configuration, _ scorer: SceneScorerConfiguration) throws {
    guard case .array(let elements)? = json.values["references"], !elements.isEmpty else {
      throw json.error("references", expected: "a list of references")
    }
    references = try elements.map { try Self.reference(try Configuration($0, file: json.file), scorer) }
    guard Set(references.map(\.name)).count == references.count else {
      throw json.error("references", expected: "each name once")
    }
  }

  private static func reference(_ json: Configuration, _ scorer: SceneScorerConfiguration) throws -> Reference {
    let name = try json.string("name")
    let isPlain = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard isPlain, (1...64).contains(name.utf8.count) else {
      throw json.error("name", expected: "1 to 64 small letters, digits and hyphens")
    }
    let subject = json.has("subject") ? try json.string("subject", among: scorer.subjects) : nil
    let place = json.has("place") ? try json.string("place", among: scorer.places) : nil
    func prompt(_ key: String, _ text: String) throws -> Prompt {
      guard let prompt = Prompt(text, scorer) else {
        throw json.error(key, expected: "each \"a <subject> <place>\" of the scorer's classes; \"\(text)\" is not")
      }
      return prompt
    }
    let prompts = try json.strings("prompts").map { text in
      let prompt = try prompt("prompts", text)
      guard scorer.subjects[prompt.subject] != subject, scorer.places[prompt.place] != place else {
        throw json.error("prompts", expected: "neither subject nor place of the reference in \"\(text)\"")
      }
      return prompt
    }
    guard !prompts.isEmpty else { throw json.error("prompts", expected: "at least one prompt") }
    return Reference(
      name: name, subject: subject, place: place, motion: try json.string("motion"),
      seed: UInt64(try json.int("seed", in: 0...1 << 40, default: 0)),
      prompt: json.has("prompt") ? try json.string("prompt") : nil, prompts: prompts,
      also: json.has("also") ? try json.strings("also").map { try prompt("also", $0) } : [])
  }
}

extension PairList.Prompt {
  /// "a fox in the snow": article, subject, place; nil where the scorer does not know them.
  public init?(_ text: String, _ scorer: SceneScorerConfiguration) {
    let words = text.split(separator: " ", maxSplits: 2).map(String.init)
    guard words.count == 3, ["a", "an"].contains(words[0]),
      let subject = scorer.subjects.firstIndex(of: words[1]), let place = scorer.places.firstIndex(of: words[2])
    else { return nil }
    self.init(text: text, subject: subject, place: place)
  }
}
