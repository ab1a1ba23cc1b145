import Checkpoints

/// A token that is taken out of the text before it is cut into words.
struct SpecialToken: Sendable {
  /// What to look for.
  var content: [Unicode.Scalar]
  var id: Int
  /// Looked for in normalised text, so that `<|EndOfText|>` counts too.
  var isNormalized: Bool
  /// Only between characters that are not part of a word.
  var isSingleWord: Bool

  /// Either the token itself or text around it.
  enum Piece {
    case text(ArraySlice<Unicode.Scalar>)
    case token(Int)
  }

  /// Cuts text at tokens: the leftmost first, the longest of those. White space that a token would take along is
  /// dropped with all other white space later.
  static func split(_ text: ArraySlice<Unicode.Scalar>, at tokens: [SpecialToken]) -> [Piece] {
    var pieces: [Piece] = []
    var start = text.startIndex
    var index = text.startIndex
    while index < text.endIndex {
      let candidates = tokens.filter { text[index...].starts(with: $0.content) }
      guard let token = candidates.max(by: { $0.content.count < $1.content.count }),
        !token.isSingleWord || token.isAlone(in: text, at: index)
      else {
        index += 1
        continue
      }
      if start < index { pieces.append(.text(text[start..<index])) }
      pieces.append(.token(token.id))
      index += token.content.count
      start = index
    }
    if start < text.endIndex { pieces.append(.text(text[start...])) }
    return pieces
  }

  private func isAlone(in text: ArraySlice<Unicode.Scalar>, at index: Int) -> Bool {
    let end = index + content.count
    let before = index > text.startIndex && Self.isWordPart(text[index - 1])
    let after = end < text.endIndex && Self.isWordPart(text[end])
    return !before && !after
  }

  private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isAlphabetic { return true }
    switch scalar.properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
    default: return false
    }
  }
}

/// The special tokens of a tokenizer folder.
///
/// As transformers: the roles are read from special_tokens_map.json, then tokenizer_config.json (the other way round
/// where the latter lists its added tokens, which newer versions write); their flags and ids from the added tokens of
/// tokenizer.json or tokenizer_config.json.
struct SpecialTokens {
  private static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]
  private static let defaults = [
    "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
  ]

  /// All of them, each content once.
  private(set) var all: [SpecialToken] = []
  private var idOfRole: [String: Int] = [:]
  /// Contents that the files list with their id and flags.
  private var listedContents: Set<String> = []

  private let folder: ComponentFolder
  private let vocabulary: [String: Int]

  /// - Parameters:
  ///   - folder: the tokenizer's.
  ///   - configuration: tokenizer_config.json, if there is one.
  ///   - full: tokenizer.json, if there is one.
  ///   - vocabulary: token -> id.
  init(
    folder: ComponentFolder, configuration: Configuration?, full: Configuration?, vocabulary: [String: Int]
  ) throws {
    self.folder = folder
    self.vocabulary = vocabulary
    let listed = try configuration?.nested("added_tokens_decoder")
    if let listed {
      for (id, value) in listed.values.sorted(by: { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }) {
        guard let id = Int(id) else { throw listed.error(id, expected: "an id as key") }
        try add(value, id: id, key: "added_tokens_decoder", file: listed.file)
      }
    } else if let full {
      for value in full.values["added_tokens"]?.array ?? [] {
        guard let id = value["id"]?.integer else {
          throw full.error("added_tokens", expected: "tokens with an id")
        }
        try add(value, id: id, key: "added_tokens", file: full.file)
      }
    }
    let map = listed == nil ? try Self.optional("special_tokens_map.json", in: folder) : nil
    for role in Self.roles {
      let fallback = Self.defaults[role].map(JSON.string)
      let owner = map?.has(role) ?? false ? map : configuration
      guard let value = owner?.has(role) ?? false ? owner?.values[role] : fallback else { continue }
      idOfRole[role] = try add(value, id: nil, key: role, file: owner?.file ?? folder.path)
    }
    for (key, owner) in [
      ("additional_special_tokens", map), ("extra_special_tokens", map),
      ("additional_special_tokens", configuration), ("extra_special_tokens", configuration),
    ] {
      for value in owner?.values[key]?.array ?? [] {
        try add(value, id: nil, key: key, file: owner?.file ?? folder.path)
      }
    }
  }

  /// The id of a role, for example `pad_token`.
  func id(_ role: String) throws -> Int {
    guard let id = idOfRole[role] else {
      throw CheckpointError(.badData, "\(folder.path): its files give no \(role).")
    }
    return id
  }

  /// Reads an optional JSON file of the folder.
  static func optional(_ name: String, in folder: ComponentFolder) throws -> Configuration? {
    do {
      return try Configuration(JSON(contentsOf: folder.file(name)), file: folder.file(name))
    } catch let error as CheckpointError where error.kind == .notFound {
      return nil
    }
  }

  /// Adds a token given as text or as an object with flags. The later of two with the same content counts, but one
  /// that is listed with its id stays.
  @discardableResult
  private mutating func add(_ value: JSON, id: Int?, key: String, file: String) throws -> Int {
    guard let content = value.string ?? value["content"]?.string, !content.isEmpty else {
      throw CheckpointError(
        .badData, "\(file): key \"\(key)\": expected a token or an object with \"content\".")
    }
    let scalars = Array(content.unicodeScalars)
    let known = all.firstIndex { $0.content == scalars }
    if id == nil, let known, listedContents.contains(content) { return all[known].id }
    guard let id = id ?? vocabulary[content], (0..<1 << 24).contains(id) else {
      throw CheckpointError(
        .badData, "\(file): the \(key) \"\(content)\" is not in the vocabulary of \(folder.path).")
    }
    if key.hasPrefix("added_tokens") { listedContents.insert(content) }
    let isNormalized = value["normalized"]?.bool ?? false
    let token = SpecialToken(
      content: isNormalized ? CLIPText.normalized(scalars) : scalars, id: id, isNormalized: isNormalized,
      isSingleWord: value["single_word"]?.bool ?? false)
    if let known { all[known] = token } else { all.append(token) }
    return id
  }
}
