import Checkpoints
import Diffusion
import Layers
import Tensors

/// SynMotion's text condition (Tan et al. 2025, section 3.2): what was learned is added to an encoded prompt, by what its
/// tokens stand for.
///
///     e_i <- e_i + Z(m_k) for the k-th token of the motion's phrase,  e_i + Z(s) for a token of the subject
///     e <- e + Z(R(e))
///
/// Each Z is a linear map of its own that starts at zero (a convolution of kernel 1), so that learning starts from the model
/// as it is.
struct DualEmbedding: Sendable {
  /// What a token of a prompt stands for.
  enum Role: Equatable, Sendable {
    /// Nothing that is learned: start, end, padding.
    case none
    /// What the clip shows.
    case subject
    /// The motion, as the k-th token of its phrase.
    case motion(Int)
  }

  /// m, (K, D)
  let motion: Tensor
  /// s, (1, D)
  let subject: Tensor
  let motionProjection: Linear
  let subjectProjection: Linear
  let refinerProjection: Linear
  let refiner: TokenRefiner

  /// - Parameters:
  ///   - count: K, tokens of the phrase
  ///   - configuration: of the text encoder
  init(_ scope: WeightScope, count: Int, _ configuration: CLIPTextConfiguration) throws {
    let width = configuration.hiddenSize
    func projection(_ name: String) throws -> Linear {
      try Linear(scope[name], width, width, initializer: .zeros, biasInitializer: .zeros)
    }
    motion = try scope("motion", [count, width], .plain, .zeros)
    subject = try scope("subject", [1, width], .plain, .normal(1))
    motionProjection = try projection("motion_projection")
    subjectProjection = try projection("subject_projection")
    refinerProjection = try projection("refiner_projection")
    refiner = try TokenRefiner(scope["refiner"], configuration)
  }

  /// - Parameters:
  ///   - e: an encoded prompt (1, L, D)
  ///   - roles: of its L tokens
  /// - Returns: (1, L, D)
  func callAsFunction(_ e: Tensor, _ roles: [Role], _ context: Context) -> Tensor {
    let motion = motionProjection(motion, context)
    let subject = subjectProjection(subject, context)
    let nothing = Tensor.zeros(subject.shape)
    let rows = roles.map { role in
      switch role {
      case .none: nothing
      case .subject: subject
      case .motion(let index): motion.sliced(axis: 0, index..<index + 1)
      }
    }
    let sum = e + Tensor.concatenated(rows, axis: 0).reshaped(e.shape)
    return refinerProjection(refiner(sum, context), adding: sum, context)
  }
}

/// A phrase that stands for a motion, and where it is in prompts.
struct MotionPhrase: Sendable {
  /// Of the phrase in an embedding's metadata.
  static let key = "motion-phrase"
  let text: String
  /// Its tokens, without start and end.
  let tokens: [Int]
  private let tokenizer: CLIPTokenizer
  private let length: Int

  /// - Parameter length: positions of the text encoder
  /// - Throws: `settings` for a phrase without a word, or of more words than a prompt can have
  init(_ text: String, _ tokenizer: CLIPTokenizer, length: Int) throws(MotionTransferError) {
    (self.text, self.tokenizer, self.length) = (text, tokenizer, length)
    tokens = tokenizer.words(text, maxLength: length)
    guard !tokens.isEmpty, tokens.count < min(length, tokenizer.modelMaxLength) - 2 else {
      throw MotionTransferError(
        .settings,
        "motion-phrase: found \"\(text)\", expected the words of reference-prompt that say how it moves, such as \"walking\""
      )
    }
  }

  /// The roles of a prompt's tokens: those of the phrase, and all other words as the subject; nil where the phrase is not in
  /// it.
  func roles(_ prompt: String) -> [DualEmbedding.Role]? {
    let words = tokenizer.words(prompt, maxLength: length)
    let starts = 0...max(words.count - tokens.count, 0)
    guard let start = starts.first(where: { words.dropFirst($0).starts(with: tokens) }) else { return nil }
    let range = start..<start + tokens.count
    return roles(words.indices.map { range.contains($0) ? .motion($0 - start) : .subject })
  }

  /// The roles of a prompt whose subject is said first, the rest being some other motion.
  func roles(subject: String) -> [DualEmbedding.Role] {
    roles(tokenizer.words(subject, maxLength: length).map { _ in .subject })
  }

  /// A prompt that names the motion: itself, or with the phrase at its end.
  func prompt(_ prompt: String) -> String { roles(prompt) == nil ? "\(prompt) \(text)" : prompt }

  /// With the start token before the words; end and padding behind.
  private func roles(_ words: [DualEmbedding.Role]) -> [DualEmbedding.Role] {
    let count = tokenizer.encode("", maxLength: length).count
    return [.none] + words + Array(repeating: .none, count: count - words.count - 1)
  }
}
