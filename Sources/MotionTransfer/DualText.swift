import Checkpoints
import Diffusion
import Layers
import Tensors

/// A dual embedding and the phrase that it belongs to.
struct DualText: Sendable {
  let phrase: MotionPhrase
  let embedding: DualEmbedding
  /// Leaves; nil where it is not learned.
  private let store: ParameterStore?

  /// - Parameters:
  ///   - source: a file's tensors, or one that creates
  ///   - learns: whether they are leaves
  init(
    _ phrase: MotionPhrase, _ source: any WeightSource, _ configuration: CLIPTextConfiguration, learns: Bool = false
  ) throws {
    self.phrase = phrase
    store = learns ? ParameterStore(source) : nil
    let weights = Weights(store ?? source, name: "the motion embedding's additions to prompts")
    embedding = try DualEmbedding(weights.root, count: phrase.tokens.count, configuration)
    try weights.finish()
  }

  /// All leaves but the subject's, which has an optimizer of its own.
  var parameters: [Tensor] { (store?.parameters ?? []).filter { $0.name != "subject" }.map(\.tensor) }

  /// What is learned, for a file.
  func exported() -> [(name: String, tensor: Tensor)] { store?.exported() ?? [] }

  /// Encoded prompts (M, L, D), the last one, which is `prompt`, with what was learned.
  ///
  /// - Throws: `settings` for a prompt so long that the phrase at its end is cut off
  func condition(_ hidden: Tensor, _ prompt: String, _ context: Context) throws -> Tensor {
    guard let roles = phrase.roles(prompt) else {
      throw MotionTransferError(
        .settings,
        "prompt: found more words than the model reads, expected room for the motion's own, \"\(phrase.text)\"; shorten it"
      )
    }
    let last = hidden.shape[0] - 1
    let changed = embedding(hidden.sliced(axis: 0, last..<last + 1), roles, context)
    return last == 0 ? changed : Tensor.concatenated([hidden.sliced(axis: 0, 0..<last), changed], axis: 0)
  }
}

extension TextToVideoPipeline {
  /// The start of learning: the motion's tokens as the text encoder has them in the first reference's whole prompt, because
  /// it reads from left to right; the subject's random.
  ///
  /// - Parameters:
  ///   - prompts: of the references, which all hold the phrase
  ///   - encoded: the first of them, (1, L, D)
  func dualText(_ phrase: String, _ prompts: [String], _ encoded: Tensor, seed: UInt64) throws -> DualText {
    let phrase = try MotionPhrase(phrase, tokenizer, length: description.text.maxPositions)
    let roles = prompts.map { phrase.roles($0) }
    guard let first = roles[0], !roles.contains(where: { $0 == nil }) else {
      throw MotionTransferError(
        .settings,
        "motion-phrase: \"\(phrase.text)\" is not in the reference-prompt \"\(prompts[roles.firstIndex { $0 == nil } ?? 0])\", "
          + "expected some of its words")
    }
    let text = try DualText(phrase, RandomWeights(seed: seed), description.text, learns: true)
    let rows = first.indices.filter { if case .motion = first[$0] { true } else { false } }
    let start = encoded.reshaped([first.count, -1]).gatherRows(rows).toArray()
    text.embedding.motion.updateInPlace { _ = $0.update(from: start) }
    return text
  }

  /// What an embedding adds to prompts; nil where it adds nothing.
  ///
  /// - Throws: `badData` without the phrase; what is missing, left over or misshapen for this model
  func dualText(_ motion: MotionEmbedding) throws -> DualText? {
    guard !motion.text.isEmpty else { return nil }
    guard let phrase = motion.metadata[MotionPhrase.key] else {
      throw MotionTransferError(
        .badData, "the motion embedding adds to prompts, expected its \(MotionPhrase.key) in the file's metadata")
    }
    return try DualText(
      MotionPhrase(phrase, tokenizer, length: description.text.maxPositions), TensorList(motion.text), description.text)
  }

  /// Clips that the model makes itself, which keep the subject's embedding that of any subject (SynMotion's Subject Prior
  /// Videos, section 3.4). They stay latents; a way through pixels and back would add the autoencoder's error alone.
  func priors(
    _ phrase: MotionPhrase, _ settings: Settings, _ base: Adapters, using generator: inout TorchGenerator, _ job: Job
  ) throws -> [Example] {
    guard settings.priorShare > 0 else { return [] }
    let plain = context(job, adapters: base)
    let count = settings.priorPrompts.count
    return try settings.priorPrompts.enumerated().map { index, prior in
      var settings = settings
      settings.prompt = prior.prompt
      let part = Job(
        isCancelled: job.isCancelled,
        progress: { job.progress(Progress($0.stage, index * $0.steps + $0.step, of: count * $0.steps)) })
      let start = noise(settings.geometry, using: &generator)
      let latents = try sample(start, settings, adapters: .none, base: base, using: &generator, part)
      let hidden = try encode([prior.prompt], plain)
      return Example(latents, hidden, phrase.roles(subject: prior.subject), unet.prepare(hidden, plain))
    }
  }
}

/// A prompt of the form <subject, motion>.
struct PriorPrompt: Sendable, Equatable {
  let subject: String
  let motion: String
  var prompt: String { motion.isEmpty ? subject : "\(subject) \(motion)" }

  /// Common animals and what they do, as the paper describes its own.
  static let common = ["cat", "dog", "horse", "zebra", "elephant", "rabbit", "bear", "lion"].flatMap { animal in
    ["running", "walking", "jumping", "eating", "sleeping", "turning around"].map { "a \(animal), \($0)" }
  }

  /// Prompts with semicolons between them, in each a comma between its subject and its motion.
  static func list(_ text: String) throws(MotionTransferError) -> [PriorPrompt] {
    let prompts = text.split(separator: ";").map { item in
      let parts = item.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
      return PriorPrompt(subject: parts[0], motion: parts.count > 1 ? parts[1] : "")
    }
    guard (1...256).contains(prompts.count), prompts.allSatisfy({ !$0.subject.isEmpty }) else {
      throw MotionTransferError(
        .settings,
        "prior-prompts: found \"\(text)\", expected 1 to 256 prompts with semicolons between, such as \"a cat, running; a dog, "
          + "jumping\"")
    }
    return prompts
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}

/// Tensors in memory as a model is constructed from them.
private struct TensorList: WeightSource {
  private let tensors: [String: Tensor]

  init(_ list: [(name: String, tensor: Tensor)]) {
    tensors = Dictionary(list.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
  }

  var names: [String] { tensors.keys.sorted() }
  func shape(of name: String) -> [Int]? { tensors[name]?.shape }

  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    guard let tensor = tensors[name], layout.accepts(tensor.shape, as: shape) else {
      throw WeightError(file: "The motion embedding", missing: [name])
    }
    return StoredTensor(tensor.toArray(), shape: tensor.shape).laidOut(layout, as: shape)
  }
}
