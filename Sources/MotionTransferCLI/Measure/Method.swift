import Checkpoints
import MotionTransfer

/// A row of the tables: how clips are generated.
struct Method {
  /// Unique.
  let name: String
  /// Whether an embedding is applied; false for the control.
  let usesEmbedding: Bool
  /// Option names and values that differ from the model's recommendations.
  let settings: Configuration

  /// What the learned embedding depends on.
  var learningSettings: JSON {
    let names = Set(NamedOption.all.filter(\.isForLearning).map(\.name))
    return .object(settings.values.filter { names.contains($0.key) })
  }

  /// Reads the wanted rows of a file: an object whose `methods` are objects of `name`, `embedding` (true unless it says
  /// false) and options by their names.
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
    let own = row.values.filter { !["name", "embedding"].contains($0.key) }
    settings = try Configuration(.object(own.merging(overrides) { $1 }), file: row.file)
    var options = Options()
    try NamedOption.apply(settings, to: &options)
  }

  /// The options for one clip.
  func options(_ base: Options) throws -> Options {
    var options = base
    try NamedOption.apply(settings, to: &options)
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
