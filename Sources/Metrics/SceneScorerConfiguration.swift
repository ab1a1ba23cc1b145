public import Checkpoints

/// Sizes and names of a ``SceneScorer``, from its `config.json`.
public struct SceneScorerConfiguration: Sendable, Equatable {
  /// Edge in pixels of the frames that it was trained on.
  public var size: Int
  /// Channels of each convolution.
  public var channels: [Int]
  /// Step of each convolution; their product is the edge of a cell of the mask in pixels.
  public var strides: [Int]
  /// Groups of every group norm.
  public var groups: Int
  /// Names of the subject classes.
  public var subjects: [String]
  /// Caption words of the place classes, such as "in the snow".
  public var places: [String]

  /// - Throws: `CheckpointError` that names the key, for a wrong value
  public init(_ json: Configuration) throws {
    size = try json.int("size", in: 16...1024)
    channels = try json.ints("channels", in: 1...1024)
    strides = try json.ints("strides", in: 1...2)
    groups = try json.int("groups", in: 1...1024)
    subjects = try json.strings("subjects")
    places = try json.strings("places")
    guard strides.count == channels.count, channels.count <= 32 else {
      throw json.error("strides", expected: "one per entry of channels, at most 32")
    }
    guard channels.allSatisfy({ $0 % groups == 0 }) else {
      throw json.error("groups", expected: "a divisor of each of channels \(channels)")
    }
    guard size % cell == 0 else { throw json.error("size", expected: "a multiple of \(cell), the product of strides") }
    for (key, names) in [("subjects", subjects), ("places", places)] {
      guard !names.isEmpty, names.count <= 1024, Set(names).count == names.count else {
        throw json.error(key, expected: "1 to 1024 names, each once")
      }
    }
  }

  /// Edge of a cell of the mask in pixels.
  public var cell: Int { strides.reduce(1, *) }
}
