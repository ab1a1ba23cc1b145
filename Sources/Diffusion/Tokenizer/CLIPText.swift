// The standard library normalises strings to compare and hash them, but shows the result only under `_Unicode`;
// FoundationEssentials has no normalisation at all. The goldens of the tokenizer hold it in place.
@_spi(_Unicode) import Swift

/// CLIP's treatment of text before byte pair encoding.
enum CLIPText {
  /// Unicode NFC, white space collapsed, lower case.
  static func normalized(_ text: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
    var string = String()
    string.unicodeScalars.append(contentsOf: text)
    var result: [Unicode.Scalar] = []
    var isAfterSpace = false
    for scalar in string._nfc {
      let isSpace = scalar.properties.isWhitespace
      if isSpace && isAfterSpace { continue }
      isAfterSpace = isSpace
      if isSpace {
        result.append(" ")
      } else {
        result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return result
  }

  /// Words of normalised text, white space left out: what matches CLIP's regular expression
  /// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`.
  static func words(_ text: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
    var words: [ArraySlice<Unicode.Scalar>] = []
    var rest = text
    while let first = rest.first {
      let kind = Kind(first)
      if kind == .space {
        rest.removeFirst()
        continue
      }
      if let literal = literals.first(where: { rest.starts(with: $0) }) {
        // transformers cuts these once more, by GPT-2's expression, into `<|`, the name and `|>`.
        let start = rest.startIndex
        let end = start + literal.count
        words += [rest[start..<start + 2], rest[start + 2..<end - 2], rest[end - 2..<end]]
        rest = rest[end...]
        continue
      }
      let length: Int
      if let contraction = contractions.first(where: { rest.starts(with: $0) }) {
        length = contraction.count
      } else {
        length = kind == .number ? 1 : rest.prefix { Kind($0) == kind }.count
      }
      words.append(rest.prefix(length))
      rest = rest.dropFirst(length)
    }
    return words
  }

  private static let literals = ["<|startoftext|>", "<|endoftext|>"].map { Array($0.unicodeScalars) }
  private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map {
    Array($0.unicodeScalars)
  }

  private enum Kind {
    case space, letter, number, other

    init(_ scalar: Unicode.Scalar) {
      if scalar.properties.isWhitespace {
        self = .space
        return
      }
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .number
      default: self = .other
      }
    }
  }
}
