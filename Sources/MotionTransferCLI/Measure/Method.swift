import Checkpoints
import MotionTransfer

/// A row of the tables: how clips are generated.
struct Method {
  /// Unique.
  let name: String
  /// Whether an embedding is applied; false for the control.
  let usesEmbedding: Bool
  /// Clips of the reference's motion that it is learned from together.
  let clips: Int
  /// Option names and values that differ from the model's recommendations.
  let settings: [String: JSON]

  private static let learningNames: Set = [
    "method", "lora-rank", "lora-targets", "lora-dropout", "prior-prompts", "prior-share", "sites", "embedding-design",
    "loss", "timestep-sampling",
    "inversion-steps", "ddim-inversion-steps", "learning-rate",
  ]

  /// What the learned embedding depends on.
  var learningSettings: JSON { .object(settings.filter { Self.learningNames.contains($0.key) }) }

  /// Reads the wanted rows of a file: an object whose `methods` are objects of `name`, `embedding` (true unless it says
  /// false), `clips` (1 unless it says more) and options by their names.
  ///
  /// - Parameters:
  ///   - names: in the order of the table; nil: all of the file
  ///   - overrides: options that all rows get
  static func read(
    _ path: String, names: [String]?, overrides: [String: JSON]
  ) throws -> [Method] {
    let file = try Configuration(contentsOf: path)
    guard case .array(let elements)? = file.values["methods"], !elements.isEmpty else {
      throw file.error("methods", expected: "a list of methods")
    }
    let all = try elements.map { try Method(try Configuration($0, file: path), overrides) }
    guard Set(all.map(\.name)).count == all.count else { throw file.error("methods", expected: "each name once") }
    guard let names else { return all }
    return try names.map { name in
      guard let method = all.first(where: { $0.name == name }) else {
        throw MotionTransferError(
          .settings, "--methods: found \"\(name)\", expected some of \(all.map(\.name).joined(separator: ", "))")
      }
      return method
    }
  }

  private init(_ row: Configuration, _ overrides: [String: JSON]) throws {
    name = try row.string("name")
    guard (1...64).contains(name.count), !name.contains("|"), !name.contains("\n") else {
      throw row.error("name", expected: "1 to 64 characters, none of them | or a new line")
    }
    usesEmbedding = try row.bool("embedding", default: true)
    clips = try row.int("clips", in: 1...16, default: 1)
    settings = row.values.filter { !["name", "embedding", "clips"].contains($0.key) }.merging(overrides) { $1 }
    do {
      _ = try options(Options())
    } catch let error as MotionTransferError {
      throw MotionTransferError(error.kind, "\(row.file): method \(name): \(error.message)")
    }
  }

  /// The options for learning: sizes are those of the references.
  func learningOptions(_ base: Options) throws -> Options {
    try options(base, names: Self.learningNames)
  }

  /// The options for one clip.
  ///
  /// - Parameter names: those that count; nil: all
  func options(_ base: Options, names: Set<String>? = nil) throws -> Options {
    var options = base
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) where names?.contains(name) ?? true {
      try options.set(name, value.string ?? value.text)
    }
    return options
  }

  /// `name=value` arguments as options.
  static func overrides(_ arguments: [String]) throws -> [String: JSON] {
    var result: [String: JSON] = [:]
    for argument in arguments {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw MotionTransferError(.settings, "--set: found \"\(argument)\", expected name=value")
      }
      result[parts[0]] = (try? JSON(parsing: Array(parts[1].utf8), file: "--set")) ?? .string(parts[1])
    }
    return result
  }
}
