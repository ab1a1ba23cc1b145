import Diffusion
import Layers
import Tensors

/// One loaded model that learns motion from clips and generates clips that move like them.
///
/// Immutable once loaded: any number of threads may use one engine at the same time.
public final class MotionTransferEngine: Sendable {
  private let pipeline: TextToVideoPipeline
  /// After the pipeline, because stored properties end in their order: the weights are free by then.
  private let end = End()

  private final class End: Sendable {
    deinit { Machine.releaseMemory() }
  }

  /// Loads a diffusers folder.
  ///
  /// - Parameters:
  ///   - folder: path of the folder; nil for the bundled model, found by `DefaultModel`.
  ///   - motionAdapter: folder or file of AnimateDiff's motion modules, for a picture model.
  ///   - job: told of progress; may cancel.
  /// - Throws: `notFound`, `unreadable`, `badData` with the file and what is wrong with it; `cancelled`
  public init(
    model folder: String?, motionAdapter: String? = nil, job: Job = Job()
  ) throws(MotionTransferError) {
    pipeline = try MotionTransferError.sorting {
      let folder = try DefaultModel.resolve(folder)
      return try TextToVideoPipeline(try ModelDescription(folder, motionAdapter: motionAdapter), job)
    }
  }

  /// Sizes and other facts from the small files of a model folder alone: cheap, for negotiation before the weights
  /// are loaded. All options are checked, too.
  ///
  /// - Throws: `settings` for a bad option; `notFound`, `unreadable`, `badData` for a bad folder
  public static func geometry(
    model folder: String?, motionAdapter: String? = nil, _ options: Options
  ) throws(MotionTransferError) -> Geometry {
    try MotionTransferError.sorting {
      let description = try ModelDescription(try DefaultModel.resolve(folder), motionAdapter: motionAdapter)
      return try Settings(options, description).geometry
    }
  }

  /// What the makers of the model in a folder recommend, without its weights.
  ///
  /// - Throws: `notFound`, `unreadable`, `badData` for a bad folder
  public static func recommendations(
    model folder: String?, motionAdapter: String? = nil
  ) throws(MotionTransferError) -> Recommendations {
    try MotionTransferError.sorting {
      try ModelDescription(try DefaultModel.resolve(folder), motionAdapter: motionAdapter).recommendations
    }
  }

  /// Threads that all engines of this process share a computation among; 0: one per processor.
  public static var threads: Int {
    get { Machine.threads }
    set { Machine.threads = newValue }
  }

  /// What the model's makers recommend.
  public var recommendations: Recommendations { pipeline.description.recommendations }

  /// Sizes after recommendations.
  public func geometry(_ options: Options) throws(MotionTransferError) -> Geometry {
    try pipeline.description.geometry(options)
  }

  /// The overlapping windows of frames that the model sees at once; one where it sees all.
  public func windows(_ options: Options) throws(MotionTransferError) -> [Range<Int>] {
    try MotionTransferError.sorting { try Settings(options, pipeline.description).windows.ranges }
  }

  /// Learns the motion of a clip.
  ///
  /// - Parameters:
  ///   - reference: as many frames as `geometry` says, of its size
  ///   - options: `prompt` is ignored, `referencePrompt` says what the clip shows; a `learningCheckpoint` is left in
  ///     place for the caller, who removes it once the embedding is written
  /// - Throws: `settings` for a bad option, `mismatch` for a clip of another size or a checkpoint of another job,
  ///   `cancelled`
  public func learn(
    _ reference: Clip, _ options: Options, job: Job = Job()
  ) throws(MotionTransferError) -> MotionEmbedding {
    try learn([Reference(reference, prompt: options.referencePrompt)], options, job: job)
  }

  /// Learns the motion that several clips share, or that of one.
  ///
  /// - Parameters:
  ///   - references: clips as above, each with its own prompt; `options.referencePrompt` is ignored
  ///   - options: as above. Motion Inversion takes the clips in turn at random, as the others do
  /// - Throws: as above
  public func learn(
    _ references: [Reference], _ options: Options, job: Job = Job()
  ) throws(MotionTransferError) -> MotionEmbedding {
    try MotionTransferError.sorting {
      var settings = try Settings(options, pipeline.description)
      let expected = settings.geometry
      guard !references.isEmpty else {
        throw MotionTransferError(.settings, "reference: found none, expected at least one clip to learn from")
      }
      for reference in references {
        let clip = reference.clip
        guard clip.frames == expected.numFrames, clip.width == expected.width, clip.height == expected.height else {
          throw MotionTransferError(
            .mismatch,
            "the reference has \(clip.frames) frames of \(clip.width)x\(clip.height), expected "
              + "\(expected.numFrames) of \(expected.width)x\(expected.height)")
        }
        if reference.prompt == nil {
          job.warning("reference-prompt is not set: learning with the empty prompt; say what the reference shows")
        }
        warnOfUnknownWords(reference.prompt ?? "", job)
      }
      let base = try base(settings)
      func learned(_ settings: Settings, _ options: Options, _ job: Job) throws -> MotionEmbedding {
        try computing(settings, job) { try pipeline.learn(references, settings, base: base, checkpoint: options, job) }
      }
      settings.memory = try pipeline.memoryOptions(
        settings, besides: references.reduce(0) { $0 + $1.clip.pixels.count }, isLearning: true, job
      ) { _ = try learned($0, Options(), $1) }
      return try learned(settings, options, job)
    }
  }

  /// Generates a clip that shows the prompt and moves like the embedding.
  ///
  /// - Parameters:
  ///   - options: `prompt` must not be empty
  ///   - embedding: nil for the model as it is
  /// - Throws: `settings` for a bad option, `mismatch` for an embedding of another model or size, `cancelled`
  public func generate(
    _ options: Options, embedding: MotionEmbedding?, job: Job = Job()
  ) throws(MotionTransferError) -> Clip {
    try MotionTransferError.sorting {
      var settings = try Settings(options, pipeline.description)
      guard settings.prompt.contains(where: { !$0.isWhitespace }) else {
        throw MotionTransferError(
          .settings, "prompt: found none, expected what the generated video shows, such as \"a fox in the snow\"")
      }
      warnOfUnknownWords(settings.prompt, job)
      let embedding = try embedding.map { try fitted($0, options, job) }
      if let embedding {
        settings.adopt(embedding, options)
        if !embedding.blocks.isEmpty, embedding.inversionNoise == nil, settings.blendsUnasked {
          job.warning(
            "the motion embedding holds no inverted noise, of which this model recommends a share: starting from fresh noise; "
              + "learn with ddim-inversion-steps above 0, into a file ending in .safetensors, or set noise-prior to 0")
        }
      }
      let text = try embedding.flatMap { try pipeline.dualText($0) }
      if let text {
        let prompt = text.phrase.prompt(settings.prompt)
        if prompt != settings.prompt { job.note("the prompt gets the motion's words: \(prompt)") }
        settings.prompt = prompt
      }
      let base = try base(settings)
      let pixels = settings.geometry.numFrames * settings.geometry.width * settings.geometry.height * 3
      settings.memory = try pipeline.memoryOptions(
        settings, besides: (embedding?.byteCount ?? 0) + 2 * pixels, isLearning: false, job
      ) { _ = try generated($0, embedding, text, base, $1) }
      return try generated(settings, embedding, text, base, job)
    }
  }

  private func generated(
    _ settings: Settings, _ embedding: MotionEmbedding?, _ text: DualText?, _ base: Adapters, _ job: Job
  ) throws -> Clip {
    var adapters = Adapters(highway: settings.highway)
    var motion: DebiasedMotion?
    if let embedding {
      adapters = embedding.adapters(settings, in: pipeline)
      motion = DebiasedMotion(
        embedding, settings.debiasMode, firstFrame: settings.firstFrame, queryKeyScale: settings.queryKeyScale,
        valueScale: settings.valueScale)
    }
    var generator = TorchGenerator(seed: settings.seed)
    let noise = pipeline.noise(settings.geometry, using: &generator)
    let start = try pipeline.start(noise, inverted: embedding?.inversionNoise, settings)
    return try computing(settings, job) {
      let latents = try pipeline.sample(
        start, settings, adapters: adapters, motion: motion, text: text, base: base, using: &generator, job)
      return try pipeline.decode(latents, job, tiled: settings.memory.vaeTiling)
    }
  }

  /// Computes as the settings say, and stops soon once the job is cancelled.
  private func computing<R>(_ settings: Settings, _ job: Job, _ body: () throws -> R) rethrows -> R {
    try withCancellation(job.isCancelled) {
      try MotionTransfer.computing(with: settings.arithmetic, settings.convolution, body)
    }
  }

  /// A motion whose low-rank additions and weight differences stand under the names of this model's linear maps, in their
  /// order.
  ///
  /// - Throws: `mismatch` that names what has no place in the model, or another shape there
  public func placed(_ motion: MotionEmbedding) throws(MotionTransferError) -> MotionEmbedding {
    try motion.placed(in: pipeline)
  }

  /// The embedding fits this model at the size that `options` ask for, or can be resampled where they allow it.
  ///
  /// - Throws: `mismatch` with found and expected
  public func check(
    _ embedding: MotionEmbedding, _ options: Options, job: Job = Job()
  ) throws(MotionTransferError) {
    let fitted = try fitted(embedding, options, job)
    _ = try MotionTransferError.sorting { try pipeline.dualText(fitted) }
  }

  /// What changes the model whatever the motion.
  private func base(_ settings: Settings) throws(MotionTransferError) -> Adapters {
    var base = Adapters(normalizesClips: settings.v1GroupNorm)
    for (path, weight) in settings.loraWeights {
      let file = try MotionEmbedding(contentsOf: path).placed(in: pipeline)
      guard file.blocks.isEmpty, file.differences.isEmpty else {
        throw MotionTransferError(
          .mismatch,
          "lora-weights: \(path) holds a learned motion, expected low-rank additions; give it as motion-embedding")
      }
      for (linear, pair) in file.lora {
        base.lora[linear, default: []].append(LowRank(down: pair.down, up: pair.up, scale: pair.scale * weight))
      }
    }
    return base
  }

  /// The embedding at the size that `options` ask for.
  private func fitted(
    _ embedding: MotionEmbedding, _ options: Options, _ job: Job
  ) throws(MotionTransferError) -> MotionEmbedding {
    let size = pipeline.latentShape(try geometry(options))
    let sites = pipeline.description.unet.motionSites(latentHeight: size.height, latentWidth: size.width)
    let embedding = try embedding.placed(in: pipeline)
    let fitted =
      options.resample
      ? try embedding.resampled(to: sites, latents: (size.frames, size.height, size.width)) : embedding
    try fitted.check(against: sites, frames: size.frames)
    if let identity = embedding.metadata["model-identity"], identity != pipeline.description.identity {
      job.warning(
        "the motion embedding was learned with another model (identity \(identity.prefix(12))..., this one is "
          + "\(pipeline.description.identity.prefix(12))...); its shapes fit, so it is used all the same")
    }
    return fitted
  }

  private func warnOfUnknownWords(_ prompt: String, _ job: Job) {
    let unknown = recommendations.unknownWords(in: prompt)
    guard !unknown.isEmpty else { return }
    job.warning("this model does not know: \(unknown.joined(separator: ", ")); its word list is in its folder")
  }
}
