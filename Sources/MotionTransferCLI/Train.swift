public import ArgumentParser
import Checkpoints
import Glibc
import MotionTransfer
import Synchronization
public import Training

/// `motiontransfer train`: a model of the bundled one's kind from nothing.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model of the bundled one's kind from nothing.",
    discussion: """
      Run from the repository:

        motiontransfer train --run run --steps 6000 --seed 1 --output my-model

      trains the video model, then the autoencoder, and writes the model folder. With --stage, one of these alone; the \
      first two may run at the same time. Each writes a checkpoint every few minutes and when it stops (Ctrl-C, \
      --minutes); --resume goes on from it bit for bit.
      """)

  @Option(help: "What to do: video, autoencoder, export or corpus. Default: the first three, one after another.")
  var stage: TrainingRun.Stage?

  @Option(name: .customLong("run"), help: "Folder of the run's checkpoints; made when missing.")
  var folder: String

  @Option(help: "Model folder that export writes.")
  var output: String?

  @Option(help: "Steps of a stage; the learning rate falls over all of them.")
  var steps = 6000

  @Option(help: "Stop a stage, with a checkpoint, after this many minutes.")
  var minutes: Double?

  @Option(help: "Largest learning rate.")
  var learningRate = 0.002

  @Option(help: "Seed of the weights, the corpus and all noise.")
  var seed: UInt64 = 1

  @Flag(help: "Go on from the checkpoint in the run's folder.")
  var resume = false

  @Option(help: "Model folder whose weights are the start: new moments, new schedule.")
  var warmStart: String?

  @Option(help: "Clips that the stage corpus writes, for a trainer elsewhere; see Plugin/Models/recipe.")
  var clips = 1000

  @Option(help: "Steps of the video stage, out of --steps, whose examples the stage corpus writes as well.")
  var examples = 0

  @Option(help: "Minutes between checkpoints.")
  var checkpointMinutes = 3.0

  @Option(help: "File that gets one line every 20 steps: step, loss of pictures, loss of clips, seconds.")
  var logLosses: String?

  @Option(help: "Sprite atlas of the corpus.")
  var atlas = "Plugin/Models/corpus/sprites.rgba"

  @Option(help: "Threads; 0: one per processor.")
  var nThreads = 0

  func validate() throws {
    guard steps > 0 else { throw ValidationError("--steps: found \(steps), expected at least 1.") }
    guard learningRate > 0, learningRate < 1 else {
      throw ValidationError("--learning-rate: found \(learningRate), expected between 0 and 1.")
    }
    guard minutes.map({ $0 > 0 }) ?? true, checkpointMinutes > 0 else {
      throw ValidationError("--minutes and --checkpoint-minutes: expected above 0.")
    }
    guard (1...10_000_000).contains(clips), (0...steps).contains(examples) else {
      throw ValidationError(
        "--clips: found \(clips), expected at least 1; --examples: found \(examples), expected 0 to --steps.")
    }
    guard (0...256).contains(nThreads) else {
      throw ValidationError("--n-threads: found \(nThreads), expected 0 to 256.")
    }
    guard output != nil || stage != nil && stage != .export else {
      throw ValidationError("--output: expected the model folder to write.")
    }
  }

  func run() throws {
    do {
      try perform()
    } catch let error as TrainingError {
      throw MotionTransferError(.badData, error.description)
    }
  }

  private func perform() throws {
    MotionTransferEngine.threads = nThreads
    guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
      throw MotionTransferError(.unwritable, "\(folder): the folder cannot be made; name one that can.")
    }
    var settings = TrainingRun.Settings()
    settings.seed = seed
    settings.steps = steps
    settings.minutes = minutes
    settings.learningRate = Float(learningRate)
    settings.checkpointMinutes = checkpointMinutes
    settings.warmStart = warmStart
    let corpus = try Corpus(atlas: SpriteAtlas(contentsOf: atlas))
    let interrupt = Interrupt()
    let log = try logLosses.map { try LineLog($0) }
    for stage in stage.map({ [$0] }) ?? [.video, .autoencoder, .export] {
      // Of all stages, those that were reached are gone on with.
      settings.resumes = resume && (self.stage != nil || access("\(folder)/\(stage.rawValue).safetensors", F_OK) == 0)
      try perform(stage, TrainingRun(corpus: corpus, folder: folder, settings: settings), interrupt, log)
    }
  }

  private func perform(
    _ stage: TrainingRun.Stage, _ training: TrainingRun, _ interrupt: Interrupt, _ log: LineLog?
  ) throws {
    let report = { (report: TrainingRun.Report) in
      let line = Train.line(report)
      StandardError.write("\(stage.rawValue) \(line)\(report.isSaved ? " saved" : "")\n")
      try log?.append(line)
    }
    let done: Int
    switch stage {
    case .video: done = try training.trainVideo(isCancelled: { interrupt.isRaised }, report: report)
    case .autoencoder:
      done = try training.trainAutoencoder(isCancelled: { interrupt.isRaised }, report: report)
      let (decoder, whole) = try training.autoencoderQuality()
      StandardError.write("autoencoder on unseen pictures: decoder \(decoder) dB, both ways \(whole) dB\n")
    case .export:
      try training.export(to: output ?? ".")
      return
    case .corpus:
      try training.writeCorpus(clips: clips, examples: examples)
      return
    }
    if interrupt.isRaised, done < steps { throw MotionTransferError.cancelled }
  }

  private static func line(_ report: TrainingRun.Report) -> String {
    func text(_ loss: Float?) -> String { loss.map { "\($0)" } ?? "-" }
    return "\(report.step)/\(report.steps) \(text(report.pictureLoss)) \(text(report.clipLoss)) "
      + "\(Int(report.seconds))"
  }
}

extension TrainingRun.Stage: ExpressibleByArgument {}

/// A text file that grows line by line and survives a killed process.
private final class LineLog {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw MotionTransferError(.unwritable, "\(path) cannot be written; name another file.")
    }
  }

  func append(_ line: String) throws {
    let bytes = Array("\(line)\n".utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      throw MotionTransferError(.unwritable, "\(path): writing failed; is the disk full?")
    }
  }

  deinit { close(descriptor) }
}
