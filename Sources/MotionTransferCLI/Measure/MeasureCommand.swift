import ArgumentParser
import Checkpoints
import Layers
import Metrics
import MotionTransfer
import Training

/// `motiontransfer measure`: how well motion is transferred, as numbers over a fixed list of references and prompts.
struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measure how well a model transfers motion.",
    discussion: """
      Run from the repository:

        motiontransfer measure --output measured
        motiontransfer measure --output measured --methods control,recommended,difference --seeds 1 --prompts 2

      Learns and generates every pair of the list by every method, scores each clip, and writes into the folder: \
      results.jsonl (a line per clip), table.md (means with 95 % intervals), sheets (the reference above, the methods \
      below). What is in the folder is not computed again: stop it (Ctrl-C, --minutes) and run it again to go on.
      """)

  @OptionGroup var shared: ModelOptions

  @Option(help: "Folder of the scorer.")
  var scorer = "Plugin/Models/scorer"

  @Option(help: "List of references and prompts.")
  var pairs = "Plugin/Models/corpus/pairs.json"

  @Option(help: "File of methods: the tables' rows and their options.")
  var methodFile = "Plugin/Models/corpus/methods.json"

  @Option(help: "Methods to measure, separated by commas. Default: control,recommended.")
  var methods = "control,recommended"

  @Option(help: "Folder of the results; made when missing.")
  var output: String

  @Option(help: "Clips of each pair and method, with seeds from --seed on.")
  var seeds = 3

  @Option(help: "Embeddings learned of each reference, which the seeds take in turn.")
  var learningSeeds = 1

  @Option(help: "References to use, separated by commas. Default: all.")
  var references: String?

  @Option(help: "Prompts of each reference to use, from the first. Default: all.")
  var prompts: Int?

  @Option(name: .customLong("set"), help: "name=value of an option for all methods; may be repeated.")
  var overrides: [String] = []

  @Option(help: "Score this many clips that the corpus draws, instead of generated ones.")
  var real: Int?

  @Option(help: "Stop after this many minutes.")
  var minutes: Double?

  @Option(help: "Sprite atlas of the corpus.")
  var atlas = "Plugin/Models/corpus/sprites.rgba"

  func validate() throws {
    for (name, value) in [
      ("seeds", seeds), ("learning-seeds", learningSeeds), ("prompts", prompts ?? 1), ("real", real ?? 1),
    ] where !(1...100_000).contains(value) {
      throw ValidationError("--\(name): found \(value), expected at least 1.")
    }
    guard minutes.map({ $0 > 0 }) ?? true else { throw ValidationError("--minutes: expected above 0.") }
  }

  func run() throws {
    do {
      try perform()
    } catch let error as TrainingError {
      throw MotionTransferError(.badData, error.description)
    } catch let error as WeightError {
      throw MotionTransferError(error)
    }
  }

  private func perform() throws {
    let interrupt = Interrupt()
    let base = shared.options()
    let scorer = try SceneScorer(folder: scorer)
    let geometry = try MotionTransferEngine.geometry(
      model: shared.model, motionAdapter: shared.motionAdapter, base)
    let references = References(
      corpus: try Corpus(
        atlas: SpriteAtlas(contentsOf: atlas), size: max(geometry.width, geometry.height)),
      scorer: scorer.configuration, geometry: geometry)
    MotionTransferEngine.threads = shared.nThreads
    if let real {
      let entries = try RealClips(references: references, scorer: scorer).scores(real) { interrupt.isRaised }
      let table = ResultTable(entries, methods: ["real clips"])
      let folder = try MeasurementFolder(output)
      try folder.write(table.byMethod + "\n" + table.byReference, "real.md")
      return print(table.byMethod, table.byReference, separator: "\n")
    }
    let list = try PairList(Configuration(contentsOf: pairs), scorer.configuration)
    let methods = try Method.read(
      methodFile, names: methods.split(separator: ",").map(String.init), overrides: try Method.overrides(overrides))
    let clips = try chosen(list).map { try references.clip($0) }
    let folder = try MeasurementFolder(output)
    let job = Job(isCancelled: { interrupt.isRaised })
    let measurement = Measurement(
      engine: try shared.engine(job), scorer: scorer, references: clips, methods: methods, base: base, seeds: seeds,
      learningSeeds: learningSeeds, prompts: prompts ?? .max, folder: folder, fingerprint: try fingerprint(base),
      job: job)
    try measure(measurement, folder, ResultLog(folder.results))
  }

  private func chosen(_ list: PairList) throws -> [PairList.Reference] {
    guard let references else { return list.references }
    return try references.split(separator: ",").map { name in
      guard let reference = list.references.first(where: { $0.name == name }) else {
        throw MotionTransferError(
          .settings,
          "--references: found \"\(name)\", expected some of \(list.references.map(\.name).joined(separator: ", "))")
      }
      return reference
    }
  }

  /// Works off the tasks that have no result, then writes the tables and the sheets of all that there are.
  private func measure(_ measurement: Measurement, _ folder: MeasurementFolder, _ log: ResultLog) throws {
    let tasks = measurement.tasks
    let missing = tasks.filter { log.entries[$0.id] == nil }
    StandardError.write("\(tasks.count) clips, \(missing.count) to generate\n")
    let start = ContinuousClock.now
    for (index, task) in missing.enumerated() {
      let entry = try measurement.run(task)
      try log.append(entry)
      let elapsed = start.duration(to: .now) / .seconds(1)
      let left = elapsed / Double(index + 1) * Double(missing.count - index - 1)
      StandardError.write("\(Self.line(entry)), \(index + 1)/\(missing.count), \(decimals(left / 60, 0)) min left\n")
      if let minutes, elapsed > minutes * 60 { break }
    }
    let table = ResultTable(tasks.compactMap { log.entries[$0.id] }, methods: measurement.methods.map(\.name))
    var parts = [table.byMethod, table.byReference]
    let applied = measurement.methods.filter(\.usesEmbedding)
    if applied.count > 1 { parts.insert(table.differences(from: applied[0].name), at: 1) }
    try folder.write(parts.joined(separator: "\n"), "table.md")
    print(parts.joined(separator: "\n"))
    try folder.writeSheets(measurement)
  }

  private static func line(_ entry: ResultLog.Entry) -> String {
    let values = [Metric.path, .zoom, .camera, .subject, .place, .leak].compactMap { metric in
      entry.score.values[metric].map { "\(metric.rawValue) \(decimals($0, 2))" }
    }
    return "\(entry.reference), \(entry.prompt), \(entry.method), seed \(entry.seed): "
      + "\(values.joined(separator: " ")), \(decimals(entry.seconds, 1)) s"
  }

  /// SHA-256 of all that every result depends on: the options that are not a row's, and the files of weights and
  /// configurations of the model and the scorer.
  private func fingerprint(_ base: Options) throws -> String {
    let model = try DiffusersFolder(try DefaultModel.resolve(shared.model))
    var files = [ComponentFolder(model.path).file("motion_transfer.json")]
    var components = model.index.values.keys.sorted().filter { !$0.hasPrefix("_") }
      .map { ComponentFolder(ComponentFolder(model.path).file($0)) }
    if let adapter = shared.motionAdapter {
      let folder = ComponentFolder(adapter)
      if (try? folder.weightsPath()) == nil { files.append(adapter) } else { components.append(folder) }
    }
    files += shared.loraWeights
    for component in components {
      files += ["config.json", "scheduler_config.json", "tokenizer_config.json"].map { component.file($0) }
      if let weights = try? component.weightsPath() { files.append(weights) }
    }
    files += ["config.json", "scorer.safetensors"].map { ComponentFolder(scorer).file($0) }
    var options = base
    // Each result has its own.
    options.seed = 0
    var digests = ["\(options)"]
    for file in files {
      do {
        digests.append(try sha256(contentsOf: file))
      } catch let error as CheckpointError where error.kind == .notFound {
        digests.append("-")
      }
    }
    return sha256(Array(digests.joined(separator: " ").utf8))
  }
}
