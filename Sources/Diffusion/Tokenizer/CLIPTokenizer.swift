// CLIP's tokenizer, as transformers' CLIPTokenizer: special tokens out, NFC, white space collapsed, lower case,
// words, bytes, byte pair encoding; then start token, end token and padding.
import Checkpoints

/// Turns prompts into the ids that a CLIP text encoder was trained on.
public struct CLIPTokenizer: Sendable {
  private static let usualLength = 77

  /// Length of an encoded prompt, start and end token included.
  public let modelMaxLength: Int
  /// Id of `<|startoftext|>`.
  public let startToken: Int
  /// Id of `<|endoftext|>`.
  public let endToken: Int
  /// Id that fills the rest: `<|endoftext|>` for Stable Diffusion 1.5, `!` for ModelScope and ZeroScope.
  public let padToken: Int

  private let rawTokens: [SpecialToken]
  private let normalizedTokens: [SpecialToken]
  private let encoding: BytePairEncoding

  /// Reads a tokenizer folder: `vocab.json` and `merges.txt`, or a `tokenizer.json` that holds both.
  /// - Parameter folder: path of the folder.
  /// - Throws: `CheckpointError` that names the file and what is wrong with it.
  public init(folder path: String) throws {
    let folder = ComponentFolder(path)
    let configuration = try SpecialTokens.optional("tokenizer_config.json", in: folder)
    let full = try SpecialTokens.optional("tokenizer.json", in: folder)
    let model = try full?.nested("model")
    let (vocabulary, vocabularyFile) = try Self.vocabulary(folder, model)
    let (rules, rulesFile) = try Self.rules(folder, model)
    let special = try SpecialTokens(
      folder: folder, configuration: configuration, full: full, vocabulary: vocabulary)
    startToken = try special.id("bos_token")
    endToken = try special.id("eos_token")
    padToken = try special.id("pad_token")
    rawTokens = special.all.filter { !$0.isNormalized }
    normalizedTokens = special.all.filter(\.isNormalized)
    encoding = try BytePairEncoding(
      vocabulary: vocabulary, rules: rules, unknown: special.id("unk_token"),
      file: rulesFile == vocabularyFile ? rulesFile : "\(rulesFile) with \(vocabularyFile)")
    // transformers writes 1e30 for "no limit".
    let length = configuration?.values["model_max_length"]?.integer ?? Self.usualLength
    guard length >= 2 else {
      throw CheckpointError(
        .badData,
        "\(folder.file("tokenizer_config.json")): model_max_length is \(length), expected at least 2.")
    }
    modelMaxLength = length <= 1 << 16 ? length : Self.usualLength
  }

  /// The ids of a prompt: start, text cut to fit, end, padding.
  /// - Parameters:
  ///   - text: any text, also empty.
  ///   - maxLength: positions of the text encoder; caps ``modelMaxLength``. At least 2.
  /// - Returns: as many ids as the smaller of both.
  public func encode(_ text: String, maxLength: Int? = nil) -> [Int] {
    let length = max(2, min(modelMaxLength, maxLength ?? modelMaxLength))
    var ids = [startToken]
    for piece in SpecialToken.split(Array(text.unicodeScalars)[...], at: rawTokens) {
      guard ids.count < length else { break }
      switch piece {
      case .token(let id): ids.append(id)
      case .text(let scalars): ids += tokens(of: CLIPText.normalized(scalars), atMost: length)
      }
    }
    ids = ids.prefix(length - 1) + [endToken]
    return ids + Array(repeating: padToken, count: length - ids.count)
  }

  /// The ids of a prompt's words alone: without start, end and padding.
  /// - Parameters: as above.
  /// - Returns: at most two ids fewer than an encoded prompt has.
  public func words(_ text: String, maxLength: Int? = nil) -> [Int] {
    // A special token in the text ends the words as it ends the prompt.
    Array(encode(text, maxLength: maxLength).dropFirst().prefix { $0 != endToken })
  }

  /// The ids of normalised text; stops when there are enough.
  private func tokens(of text: [Unicode.Scalar], atMost count: Int) -> [Int] {
    var ids: [Int] = []
    for piece in SpecialToken.split(text[...], at: normalizedTokens) {
      switch piece {
      case .token(let id): ids.append(id)
      case .text(let scalars):
        for word in CLIPText.words(scalars) where ids.count < count {
          ids += encoding.encode(word.flatMap { UTF8.encode($0).map(Array.init) ?? [] })
        }
      }
    }
    return ids
  }

  private static func vocabulary(
    _ folder: ComponentFolder, _ model: Configuration?
  ) throws -> (ids: [String: Int], file: String) {
    guard let owner = try SpecialTokens.optional("vocab.json", in: folder) ?? model?.nested("vocab") else {
      throw CheckpointError(
        .notFound,
        "\(folder.path) holds no vocabulary. Looked for vocab.json and merges.txt, and tokenizer.json.")
    }
    let ids = try owner.values.mapValues { value in
      guard let id = value.integer, (0..<1 << 24).contains(id) else {
        throw CheckpointError(.badData, "\(owner.file): found an id of \(value), expected a small integer.")
      }
      return id
    }
    return (ids, owner.file)
  }

  private static func rules(
    _ folder: ComponentFolder, _ model: Configuration?
  ) throws -> (pairs: [(left: String, right: String)], file: String) {
    if let model, let listed = model.values["merges"]?.array, !folder.has("merges.txt") {
      let pairs = listed.map { $0.array?.compactMap(\.string) ?? $0.string.map(symbols) ?? [] }
      return (try checked(pairs, model.file), model.file)
    }
    let text = try folder.text("merges.txt")
    let lines = text.unicodeScalars.split { $0 == "\n" || $0 == "\r" }.map(String.init)
    let file = folder.file("merges.txt")
    return (try checked(lines.filter { !$0.hasPrefix("#version") }.map(symbols), file), file)
  }

  private static func symbols(_ line: String) -> [String] {
    line.unicodeScalars.split(separator: " ").map(String.init)
  }

  private static func checked(
    _ pairs: [[String]], _ file: String
  ) throws -> [(left: String, right: String)] {
    try pairs.enumerated().map { index, pair in
      guard pair.count == 2 else {
        throw CheckpointError(.badData, "\(file): merge \(index + 1) is not a pair of symbols.")
      }
      return (pair[0], pair[1])
    }
  }
}
