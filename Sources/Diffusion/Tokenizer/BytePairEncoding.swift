// Byte-level byte pair encoding as GPT-2 and CLIP have it: Sennrich et al. 2016, arXiv 1508.07909, over bytes, with
// `</w>` marking the end of a word.
import Checkpoints

/// Splits words into the pieces of a vocabulary.
struct BytePairEncoding: Sendable {
  /// The end-of-word mark of the vocabulary's symbols.
  static let endOfWord = "</w>"

  private struct Merge {
    var rank: Int
    var id: Int
  }

  private struct Pair: Hashable {
    var left: Int
    var right: Int
  }

  /// Id of each byte inside a word and at its end.
  private let inner: [Int]
  private let last: [Int]
  private let merges: [Pair: Merge]

  /// - Parameters:
  ///   - vocabulary: symbol -> id.
  ///   - rules: pairs of symbols, most urgent first.
  ///   - unknown: the id of a byte that the vocabulary lacks.
  ///   - file: where the rules come from, for messages.
  init(
    vocabulary: [String: Int], rules: [(left: String, right: String)], unknown: Int, file: String
  ) throws {
    let symbols = Self.byteSymbols
    inner = symbols.map { vocabulary[$0] ?? unknown }
    last = symbols.map { vocabulary[$0 + Self.endOfWord] ?? unknown }
    var merges: [Pair: Merge] = [:]
    merges.reserveCapacity(rules.count)
    for (rank, rule) in rules.enumerated() {
      guard let left = vocabulary[rule.left], let right = vocabulary[rule.right],
        let id = vocabulary[rule.left + rule.right]
      else {
        throw CheckpointError(
          .badData,
          "\(file): merge \(rank + 1) (\(rule.left) \(rule.right)) has a part or a result that the vocabulary lacks. "
            + "Check that both files belong together.")
      }
      merges[Pair(left: left, right: right)] = Merge(rank: rank, id: id)
    }
    self.merges = merges
  }

  /// The printable stand-in of each byte: itself where it is printable Latin-1, else the next from U+0100 on.
  static let byteSymbols: [String] = {
    var spare: UInt32 = 0x100
    return (UInt32(0)...255).map { byte in
      let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      if !isPrintable { spare += 1 }
      return Unicode.Scalar(isPrintable ? byte : spare - 1).map { String(Character($0)) } ?? ""
    }
  }()

  /// The ids of one word.
  /// - Parameter word: UTF-8, not empty.
  func encode(_ word: [UInt8]) -> [Int] {
    var pieces = word.map { inner[Int($0)] }
    if let end = word.last { pieces[pieces.count - 1] = last[Int(end)] }
    while let (best, merge) = mostUrgent(pieces) {
      var merged: [Int] = []
      var index = 0
      while index < pieces.count {
        let isPair = index + 1 < pieces.count && pieces[index] == best.left && pieces[index + 1] == best.right
        merged.append(isPair ? merge.id : pieces[index])
        index += isPair ? 2 : 1
      }
      pieces = merged
    }
    return pieces
  }

  private func mostUrgent(_ pieces: [Int]) -> (Pair, Merge)? {
    var best: (Pair, Merge)?
    for (left, right) in zip(pieces, pieces.dropFirst()) {
      let pair = Pair(left: left, right: right)
      if let merge = merges[pair], merge.rank < best?.1.rank ?? .max { best = (pair, merge) }
    }
    return best
  }
}
