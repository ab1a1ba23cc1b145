import Checkpoints

/// Tokenizer files in CLIP's format for a small vocabulary: byte pair merges are added until each word of the
/// corpus is one token. Any other text still tokenizes, into letters and pieces.
struct TokenizerFiles {
  /// Tokens in id order: 256 bytes, 256 bytes that end a word, merged pieces, start and end of text.
  /// Id 0 is `!`, as in CLIP.
  let vocabulary: [String]
  /// Pairs in order of merging.
  let merges: [(String, String)]
  /// Longest sequence, with start and end.
  let maximumLength: Int

  static let startOfText = "<|startoftext|>"
  static let endOfText = "<|endoftext|>"

  init(words: [String], maximumLength: Int = 16) {
    var pieces = words.map { word in
      word.enumerated().map { $0.offset == word.count - 1 ? "\($0.element)</w>" : "\($0.element)" }
    }
    let bytes = TokenizerFiles.byteSymbols()
    var vocabulary = bytes + bytes.map { "\($0)</w>" }
    var merges: [(String, String)] = []
    while let pair = TokenizerFiles.commonestPair(in: pieces) {
      merges.append(pair)
      vocabulary.append(pair.0 + pair.1)
      pieces = pieces.map { TokenizerFiles.merge(pair, in: $0) }
    }
    // Two merges may spell the same token; its first id counts.
    var seen: Set<String> = []
    vocabulary = vocabulary.filter { seen.insert($0).inserted }
    self.vocabulary = vocabulary + [TokenizerFiles.startOfText, TokenizerFiles.endOfText]
    self.merges = merges
    self.maximumLength = maximumLength
  }

  var startId: Int { vocabulary.count - 2 }
  var endId: Int { vocabulary.count - 1 }

  /// Ids of a caption of corpus words, padded with the end token to ``maximumLength``, as `CLIPTokenizer` gives them.
  func encode(_ caption: String, _ ids: [String: Int]) -> [Int] {
    let words = caption.split(separator: " ").compactMap { ids["\($0)</w>"] }.prefix(maximumLength - 2)
    let used = [startId] + words + [endId]
    return used + Array(repeating: endId, count: maximumLength - used.count)
  }

  /// Token -> id.
  func ids() -> [String: Int] {
    Dictionary(uniqueKeysWithValues: vocabulary.enumerated().map { ($0.element, $0.offset) })
  }

  /// File name -> contents: vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json.
  func files() -> [(name: String, contents: String)] {
    let entries = vocabulary.enumerated().map { "\(JSONText.string($0.element)): \($0.offset)" }
    let lines = merges.map { "\($0.0) \($0.1)" }
    let special = """
      "bos_token": "\(TokenizerFiles.startOfText)",
        "eos_token": "\(TokenizerFiles.endOfText)",
        "unk_token": "\(TokenizerFiles.endOfText)",
        "pad_token": "\(TokenizerFiles.endOfText)"
      """
    return [
      ("vocab.json", "{" + entries.joined(separator: ", ") + "}\n"),
      ("merges.txt", "#version: 0.2\n" + lines.joined(separator: "\n") + "\n"),
      ("special_tokens_map.json", "{\n  \(special)\n}\n"),
      (
        "tokenizer_config.json",
        """
        {
          "tokenizer_class": "CLIPTokenizer",
          "model_max_length": \(maximumLength),
          "do_lower_case": true,
          \(special)
        }

        """
      ),
    ]
  }

  /// GPT-2's printable stand-ins for the 256 bytes: printable bytes first, in order, then the others from U+0100.
  private static func byteSymbols() -> [String] {
    let printable = Array(33...126) + Array(161...172) + Array(174...255)
    let others = 256..<(256 + 256 - printable.count)
    return (printable + others).compactMap { Unicode.Scalar($0).map { String(Character($0)) } }
  }

  /// Counts decide, then the spelling, so that the result does not depend on hashing.
  private static func commonestPair(in pieces: [[String]]) -> (String, String)? {
    var counts: [String: (count: Int, pair: (String, String))] = [:]
    for word in pieces {
      for (left, right) in zip(word, word.dropFirst()) {
        counts["\(left) \(right)", default: (0, (left, right))].count += 1
      }
    }
    return counts.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }?.value.pair
  }

  private static func merge(_ pair: (String, String), in word: [String]) -> [String] {
    var result: [String] = []
    for piece in word {
      if piece == pair.1, result.last == pair.0 {
        result[result.count - 1] = pair.0 + pair.1
      } else {
        result.append(piece)
      }
    }
    return result
  }
}

/// The little JSON that the exporter writes by hand, so that files come out in a fixed order.
enum JSONText {
  /// A quoted JSON string.
  static func string(_ text: String) -> String { JSON.string(text).text }
}
