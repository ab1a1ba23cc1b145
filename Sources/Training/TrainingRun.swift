import Checkpoints
import Glibc
import Layers
import Tensors

/// Training of a model of the bundled one's kind from nothing: what `motiontransfer train` does.
///
/// The run's folder holds `video.safetensors` and `autoencoder.safetensors`, each with all that is needed to go on;
/// the two stages do not depend on each other and may run at the same time.
public struct TrainingRun: Sendable {
  /// What there is to do.
  public enum Stage: String, CaseIterable, Sendable {
    /// The video UNet and the text encoder.
    case video
    /// The autoencoder.
    case autoencoder
    /// Writes the model folder from both checkpoints.
    case export
    /// Writes scenes, pictures and patch code for a trainer elsewhere: see ``TrainingRun/writeCorpus(clips:examples:)``.
    case corpus
  }

  /// How training is done.
  public struct Settings: Sendable {
    /// Seed of the weights, the corpus and all noise.
    public var seed: UInt64 = 1
    /// Steps of the stage; the learning rate falls over all of them.
    public var steps = 4000
    /// Stops, with a checkpoint, after this many minutes; nil: when the steps are done.
    public var minutes: Double?
    /// Largest learning rate.
    public var learningRate: Float = 1.5e-3
    /// Minutes between checkpoints.
    public var checkpointMinutes = 3.0
    /// Steps whose mean loss makes one line of the log.
    public var logInterval = 20
    /// Goes on from the checkpoint in the run's folder.
    public var resumes = false
    /// A model folder whose weights the run starts from: new moments, new schedule. nil: random weights.
    public var warmStart: String?

    /// Settings for a first try; the command line has its own.
    public init() {}
  }

  /// One line of the loss log.
  public struct Report: Sendable {
    /// Steps done and steps of the whole stage.
    public var step, steps: Int
    /// Mean loss since the last report, of pictures and of clips; nil where there were none.
    public var pictureLoss, clipLoss: Float?
    /// Wall seconds since this process began the stage.
    public var seconds: Double
    /// A checkpoint was just written.
    public var isSaved: Bool
  }

  private let recipe: Recipe
  private let corpus: Corpus
  private let folder: String
  private let settings: Settings

  /// - Parameters:
  ///   - recipe: sizes of the model.
  ///   - corpus: what is learned.
  ///   - folder: the run's folder; must exist.
  ///   - settings: how training is done.
  public init(recipe: Recipe = Recipe(), corpus: Corpus, folder: String, settings: Settings = Settings()) {
    self.recipe = recipe
    self.corpus = corpus
    self.folder = folder
    self.settings = settings
  }

  /// Trains the video model until its steps are done, time is up or `isCancelled`; writes a checkpoint each way.
  ///
  /// - Returns: the number of steps done, earlier runs included.
  public func trainVideo(
    isCancelled: () -> Bool = { false }, report: (Report) throws -> Void = { _ in }
  ) throws -> Int {
    var trainer = try makeVideoTrainer()
    let path = checkpointPath(.video)
    if settings.resumes { try trainer.restore(from: path, metadata: metadata(.video)) }
    return try loop(
      isCancelled: isCancelled, report: report, done: { trainer.state.step },
      save: { try trainer.state.save(to: path, metadata: metadata(.video)) },
      step: {
        let (loss, frames) = try trainer.step()
        return (loss, frames == 1)
      })
  }

  /// Trains the autoencoder; as ``trainVideo(isCancelled:report:)``.
  public func trainAutoencoder(
    isCancelled: () -> Bool = { false }, report: (Report) throws -> Void = { _ in }
  ) throws -> Int {
    var trainer = try makeAutoencoderTrainer()
    let path = checkpointPath(.autoencoder)
    if settings.resumes { try trainer.restore(from: path, metadata: metadata(.autoencoder)) }
    return try loop(
      isCancelled: isCancelled, report: report, done: { trainer.state.step },
      save: { try trainer.state.save(to: path, metadata: metadata(.autoencoder)) },
      step: { (try trainer.step(), true) })
  }

  /// Writes the model folder, weights in float16, from the checkpoints of both stages. A stage without a checkpoint
  /// is written as it starts: an untrained part, for trying the format.
  ///
  /// - Parameter output: the model folder; made when missing.
  public func export(to output: String) throws {
    var video = try makeVideoTrainer()
    var autoencoder = try makeAutoencoderTrainer()
    if exists(checkpointPath(.video)) {
      try video.restore(from: checkpointPath(.video), metadata: metadata(.video))
    }
    if exists(checkpointPath(.autoencoder)) {
      try autoencoder.restore(
        from: checkpointPath(.autoencoder), metadata: metadata(.autoencoder))
    }
    try ModelFolder(recipe: recipe, words: corpus.words).write(
      to: output, unet: video.state.exported(prefix: "unet."),
      textEncoder: video.state.exported(prefix: "text_encoder."), autoencoder: autoencoder.exported())
  }

  /// Writes `corpus.safetensors` into the run's folder: clips as scenes, with all that is needed to draw them, and what
  /// the first steps of the video stage see.
  ///
  /// - Parameters:
  ///   - clips: how many scenes.
  ///   - examples: of how many steps, out of `settings.steps`, the examples are written.
  public func writeCorpus(clips: Int, examples: Int) throws {
    let tokenizer = TokenizerFiles(words: corpus.words, maximumLength: recipe.promptLength)
    let file = CorpusFile(corpus: corpus, code: makeCode(), tokenizer: tokenizer, frames: recipe.frames)
    let trainer = try makeVideoTrainer()
    try file.write(
      to: "\(folder)/corpus.safetensors", seed: settings.seed, clips: clips,
      examples: (0..<examples).map { trainer.examples($0) })
  }

  /// Peak signal-to-noise ratios of the autoencoder's checkpoint in dB: decoder on exact codes, and the whole way.
  public func autoencoderQuality() throws -> (decoder: Float, whole: Float) {
    var trainer = try makeAutoencoderTrainer()
    try trainer.restore(from: checkpointPath(.autoencoder), metadata: metadata(.autoencoder))
    return try trainer.quality()
  }

  private func makeVideoTrainer() throws -> VideoTrainer {
    try VideoTrainer(
      recipe: recipe, corpus: corpus, code: makeCode(), seed: settings.seed,
      schedule: .init(rate: rate(warmUp: 100)), warmStart: warmStart())
  }

  private func makeAutoencoderTrainer() throws -> AutoencoderTrainer {
    try AutoencoderTrainer(
      recipe: recipe, corpus: corpus, code: makeCode(), seed: settings.seed,
      schedule: .init(rate: rate(warmUp: 50)), warmStart: warmStart())
  }

  private func warmStart() throws -> (any WeightSource)? {
    try settings.warmStart.map { try ModelFolderWeights(contentsOf: $0) }
  }

  private func rate(warmUp: Int) -> LearningRate {
    LearningRate(
      peak: settings.learningRate, warmUp: min(warmUp, settings.steps / 10), steps: settings.steps)
  }

  /// The code is a function of corpus and seed: a second or two.
  private func makeCode() -> PatchCode {
    PatchCode(
      PatchStatistics(corpus, edge: PatchCode.patch, seed: settings.seed, pictures: 600),
      channels: recipe.latentChannels)
  }

  private func checkpointPath(_ stage: Stage) -> String { "\(folder)/\(stage.rawValue).safetensors" }

  private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// What a checkpoint must agree with. A run that is to go on as it would have needs the same steps and learning
  /// rate as well; other ones bend its schedule from here on.
  private func metadata(_ stage: Stage) -> [String: String] {
    [
      "stage": stage.rawValue, "seed": String(settings.seed), "size": String(recipe.size),
      "subjects": corpus.subjects.joined(separator: " "),
    ]
  }

  private func loop(
    isCancelled: () -> Bool, report: (Report) throws -> Void, done: () -> Int, save: () throws -> Void,
    step: () throws -> (loss: Float, isPicture: Bool)
  ) throws -> Int {
    let clock = ContinuousClock()
    let start = clock.now
    var saved = start
    var pictures: [Float] = []
    var clips: [Float] = []
    func seconds(since instant: ContinuousClock.Instant) -> Double {
      let (seconds, fraction) = (clock.now - instant).components
      return Double(seconds) + Double(fraction) * 1e-18
    }
    // A stage that is done stays as it is.
    var isEnding = done() >= settings.steps
    while !isEnding {
      let (loss, isPicture) = try step()
      if isPicture { pictures.append(loss) } else { clips.append(loss) }
      let isOver = settings.minutes.map { seconds(since: start) >= $0 * 60 } ?? false
      isEnding = isCancelled() || isOver || done() >= settings.steps
      let saves = isEnding || seconds(since: saved) >= settings.checkpointMinutes * 60
      if saves {
        try save()
        saved = clock.now
      }
      guard saves || done() % settings.logInterval == 0 else { continue }
      try report(
        Report(
          step: done(), steps: settings.steps, pictureLoss: mean(pictures), clipLoss: mean(clips),
          seconds: seconds(since: start), isSaved: saves))
      (pictures, clips) = ([], [])
    }
    return done()
  }

  private func mean(_ values: [Float]) -> Float? {
    values.isEmpty ? nil : values.reduce(0, +) / Float(values.count)
  }
}
