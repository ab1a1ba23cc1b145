import Checkpoints
import Glibc
import Metrics
import MotionTransfer
import Tensors

/// Generates and scores every clip of a measurement that is not in its folder yet.
struct Measurement {
  let engine: MotionTransferEngine
  let scorer: SceneScorer
  let references: [ReferenceClip]
  let methods: [Method]
  /// Size and everything else that all clips share.
  let base: Options
  let seeds: Int
  /// Embeddings per reference that the seeds take in turn.
  let learningSeeds: Int
  /// Prompts of each reference that are used, from the first.
  let prompts: Int
  let folder: MeasurementFolder
  /// SHA-256 of the model's and the scorer's files.
  let fingerprint: String
  let job: Job

  /// One clip to come.
  struct Task {
    let reference: ReferenceClip
    let prompt: PairList.Prompt
    let method: Method
    let seed: UInt64
    let learningSeed: UInt64
    let id: String
  }

  /// All clips, those of the first seed and of every reference's first prompt first, so that a part is a fair sample.
  var tasks: [Task] {
    var tasks: [Task] = []
    let most = references.map { min($0.definition.prompts.count, prompts) }.max() ?? 0
    for seed in 0..<UInt64(seeds) {
      for index in 0..<most {
        for reference in references where index < reference.definition.prompts.count {
          for method in methods { tasks.append(task(reference, reference.definition.prompts[index], method, seed)) }
        }
      }
    }
    return tasks
  }

  private func task(
    _ reference: ReferenceClip, _ prompt: PairList.Prompt, _ method: Method, _ index: UInt64
  ) -> Task {
    let learningSeed = base.seed &+ index % UInt64(learningSeeds)
    let seed = base.seed &+ index
    let definition: JSON = .object([
      "fingerprint": .string(fingerprint), "reference": .string(digest(reference, method)),
      "prompt": .string(prompt.text), "embedding": .bool(method.usesEmbedding),
      "settings": .object(method.settings), "seed": .integer(Int(clamping: seed)),
      "learning-seed": .integer(method.usesEmbedding ? Int(clamping: learningSeed) : -1),
    ])
    return Task(
      reference: reference, prompt: prompt, method: method, seed: seed, learningSeed: learningSeed,
      id: String(sha256(Array(definition.text.utf8)).prefix(16)))
  }

  /// Generates what the task says, scores it, and keeps the clip where it is for a sheet.
  func run(_ task: Task) throws -> ResultLog.Entry {
    let embedding = task.method.usesEmbedding ? try embedding(task) : nil
    let start = ContinuousClock.now
    var options = try task.method.options(base)
    options.prompt = task.prompt.text
    options.seed = task.seed
    let clip = try engine.generate(options, embedding: embedding, job: job)
    let frames = clip.normalized()
    let score = ClipScore(
      frames, scorer(frames), try task.reference.motion(clip.frames), subject: task.prompt.subject,
      place: task.prompt.place, other: other(task, clip), windows: try engine.windows(options))
    if task.seed == base.seed { try folder.keep(clip, task.id) }
    return ResultLog.Entry(
      id: task.id, reference: task.reference.definition.name, prompt: task.prompt.text, method: task.method.name,
      seed: task.seed, seconds: start.duration(to: .now) / .seconds(1), score: score)
  }

  /// The same pair's clip of the first seed, for every other seed.
  private func other(_ task: Task, _ clip: Clip) -> Tensor? {
    guard task.seed != base.seed else { return nil }
    return folder.kept(self.task(task.reference, task.prompt, task.method, 0).id, like: clip)?.normalized()
  }

  /// Name of all that an embedding learns from.
  private func digest(_ reference: ReferenceClip, _ method: Method) -> String {
    reference.clips.prefix(method.clips).map(\.digest).joined(separator: " ")
  }

  /// From the folder where it was learned before.
  private func embedding(_ task: Task) throws -> MotionEmbedding {
    let definition: JSON = .object([
      "fingerprint": .string(fingerprint), "reference": .string(digest(task.reference, task.method)),
      "settings": task.method.learningSettings, "seed": .integer(Int(clamping: task.learningSeed)),
    ])
    let digest = sha256(Array(definition.text.utf8)).prefix(16)
    let path = folder.embedding("\(task.reference.definition.name)-\(digest)")
    if access(path, R_OK) == 0 { return try MotionEmbedding(contentsOf: path) }
    var options = try task.method.learningOptions(base)
    options.seed = task.learningSeed
    let clips = task.reference.clips.prefix(task.method.clips)
    guard clips.count == task.method.clips else {
      throw MotionTransferError(
        .settings,
        "method \(task.method.name): found \(clips.count) clips of the reference \(task.reference.definition.name), expected "
          + "\(task.method.clips); list more in its \"also\"")
    }
    // SynMotion learns what some words of the caption mean, and appends them to prompts.
    let phrase = options.method == .synMotion ? task.reference.phrase : nil
    options.motionPhrase = phrase
    let references = clips.map { clip in
      Reference(clip.clip, prompt: phrase.map { "\(clip.caption) \($0)" } ?? clip.caption)
    }
    let embedding = try engine.learn(references, options, job: job)
    try embedding.write(to: path)
    return embedding
  }
}
