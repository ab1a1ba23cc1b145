/// What trades time, or a little exactness, for memory; everything off unless asked for, or chosen to keep a budget.
///
/// Frames are decoded one at a time in any case (diffusers' `enable_vae_slicing`).
public struct MemoryOptions: Sendable, Equatable {
  /// Whether frames larger than the autoencoder's training size are coded in overlapping tiles: slightly other frames
  /// (diffusers' `enable_vae_tiling`).
  public var vaeTiling = false
  /// Most tokens that a feed-forward layer holds at a time, in place of all; the same result (diffusers'
  /// `enable_forward_chunking`).
  public var feedForwardChunk: Int?
  /// Whether learning keeps only each block's input and computes the block again for its gradient: about a third more
  /// time; the same result (diffusers' `enable_gradient_checkpointing`).
  public var gradientCheckpointing = false
  /// Bytes that the model and one clip's computation may take; nil: as many as they like. The options above are then
  /// switched on as far as the budget asks for it.
  public var budget: Int?

  /// Everything off.
  public init() {}

  /// The bytes that a text such as `800000000`, `600M` or `1.5G` names; letters stand for powers of 1024.
  public static func bytes(_ text: String) -> Int? {
    let powers: [Character: Double] = ["K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40]
    let power = text.last.flatMap { powers[$0] }
    guard let number = Double(power == nil ? text : String(text.dropLast())) else { return nil }
    let bytes = number * (power ?? 1)
    return bytes >= 1 && bytes <= 0x1p50 ? Int(bytes) : nil
  }

  /// These options and more of them, in the order of the time that they take.
  func combinations(learning: Bool) -> [MemoryOptions] {
    var result = [self]
    for recomputes in learning ? [false, true] : [false] {
      for tiles in [false, true] {
        for chunk in [nil, 16_384, 2048, 256] as [Int?] {
          var options = self
          options.gradientCheckpointing = gradientCheckpointing || recomputes
          options.vaeTiling = vaeTiling || tiles
          options.feedForwardChunk = [feedForwardChunk, chunk].compactMap { $0 }.min()
          if !result.contains(options) { result.append(options) }
        }
      }
    }
    return result
  }

  /// For a log: what is on.
  var summary: String {
    let parts = [
      vaeTiling ? "vae-tiling" : nil, feedForwardChunk.map { "feed-forward-chunk=\($0)" },
      gradientCheckpointing ? "gradient-checkpointing" : nil,
    ].compactMap { $0 }
    return parts.isEmpty ? "no memory option" : parts.joined(separator: ", ")
  }
}
