/// A checkpoint that does not fit the model: everything that is wrong with it, at once.
public struct WeightError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A key whose stored shape is not the one the model has.
  public struct Misshapen: Sendable, Equatable {
    /// The checkpoint's key.
    public var name: String
    /// The shape in the file.
    public var found: [Int]
    /// The shape that the model expects.
    public var expected: [Int]

    /// One key with the two shapes that differ.
    public init(name: String, found: [Int], expected: [Int]) {
      self.name = name
      self.found = found
      self.expected = expected
    }
  }

  /// The file or folder that the weights came from.
  public var file: String
  /// Keys that the model needs and the file lacks.
  public var missing: [String]
  /// Keys of the file that the model does not use.
  public var unexpected: [String]
  /// Keys of another shape.
  public var misshapen: [Misshapen]

  /// All that is wrong with a file.
  public init(
    file: String, missing: [String] = [], unexpected: [String] = [], misshapen: [Misshapen] = []
  ) {
    self.file = file
    self.missing = missing
    self.unexpected = unexpected
    self.misshapen = misshapen
  }

  /// The first 8 keys of each kind, then how many more.
  public var description: String {
    var parts: [String] = []
    if !missing.isEmpty {
      parts.append("\(missing.count) missing: \(Self.list(missing))")
    }
    if !unexpected.isEmpty {
      parts.append("\(unexpected.count) unexpected: \(Self.list(unexpected))")
    }
    if !misshapen.isEmpty {
      let lines = misshapen.map {
        "\($0.name) (found \(Self.text($0.found)), expected \(Self.text($0.expected)))"
      }
      parts.append("\(misshapen.count) of another shape: \(Self.list(lines))")
    }
    return "\(file) does not fit the model. " + parts.joined(separator: "; ")
      + ". Check that the file and the config.json beside it belong together."
  }

  private static func list(_ items: [String]) -> String {
    let shown = items.prefix(8).joined(separator: ", ")
    return items.count > 8 ? "\(shown) and \(items.count - 8) more" : shown
  }

  private static func text(_ shape: [Int]) -> String {
    "(\(shape.map(String.init).joined(separator: ", ")))"
  }
}
