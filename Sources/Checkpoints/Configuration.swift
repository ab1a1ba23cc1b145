/// A `config.json` with typed access: each error names the file, the key, what was found and what was expected.
public struct Configuration: Sendable, Equatable {
  /// Path of the file, for messages.
  public let file: String
  /// The file's object.
  public let values: [String: JSON]
  /// Dotted keys of the enclosing objects, final dot included.
  private let prefix: String

  /// Reads a file of at most 4 MB.
  /// - Throws: ``CheckpointError`` if it is absent, unreadable, or not a JSON object.
  public init(contentsOf path: String) throws {
    try self.init(JSON(contentsOf: path, limit: 1 << 22), file: path)
  }

  /// Uses a parsed value.
  /// - Parameters:
  ///   - json: must be an object.
  ///   - file: path for messages.
  public init(_ json: JSON, file: String) throws {
    guard case .object(let values) = json else {
      throw CheckpointError(.badData, "\(file): found \(json.summary), expected an object.")
    }
    self.init(file: file, values: values, prefix: "")
  }

  private init(file: String, values: [String: JSON], prefix: String) {
    self.file = file
    self.values = values
    self.prefix = prefix
  }

  /// The error of a key whose value does not serve.
  /// - Parameters:
  ///   - key: the key.
  ///   - expected: what would serve, for example "an integer from 1 to 64".
  public func error(_ key: String, expected: String) -> CheckpointError {
    let found = values[key].map { "found \($0.summary)" } ?? "absent"
    return CheckpointError(.badData, "\(file): key \"\(prefix)\(key)\": \(found), expected \(expected).")
  }

  /// Whether the key is there and not null.
  public func has(_ key: String) -> Bool { value(key) != nil }

  private func value(_ key: String) -> JSON? {
    guard let value = values[key], value != .null else { return nil }
    return value
  }

  /// An integer in a range.
  /// - Parameters:
  ///   - key: the key.
  ///   - range: accepted values.
  ///   - fallback: the value when the key is absent or null; nil makes the key compulsory.
  public func int(
    _ key: String, in range: ClosedRange<Int> = 1...1 << 20, default fallback: Int? = nil
  ) throws -> Int {
    if value(key) == nil, let fallback { return fallback }
    guard let number = value(key).flatMap(Self.integer), range.contains(number) else {
      throw error(key, expected: "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A finite number.
  public func double(_ key: String, default fallback: Double? = nil) throws -> Double {
    switch value(key) {
    case .integer(let number): return Double(number)
    case .number(let number) where number.isFinite: return number
    case .none:
      if let fallback { return fallback }
      fallthrough
    default: throw error(key, expected: "a number")
    }
  }

  /// A boolean.
  public func bool(_ key: String, default fallback: Bool? = nil) throws -> Bool {
    if value(key) == nil, let fallback { return fallback }
    guard case .bool(let flag) = value(key) else { throw error(key, expected: "true or false") }
    return flag
  }

  /// A string.
  public func string(_ key: String, default fallback: String? = nil) throws -> String {
    if value(key) == nil, let fallback { return fallback }
    guard case .string(let text) = value(key) else { throw error(key, expected: "a string") }
    return text
  }

  /// A string out of a few.
  public func string(
    _ key: String, among choices: [String], default fallback: String? = nil
  ) throws -> String {
    if value(key) == nil, let fallback { return fallback }
    guard case .string(let text) = value(key), choices.contains(text) else {
      throw error(key, expected: "one of " + choices.map { "\"\($0)\"" }.joined(separator: ", "))
    }
    return text
  }

  /// A case by its name.
  public func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice
  ) throws -> Choice where Choice.RawValue == String {
    let name = try string(key, among: Choice.allCases.map(\.rawValue), default: fallback.rawValue)
    return Choice(rawValue: name) ?? fallback
  }

  /// A list of integers. With `count`, one integer stands for that many equal ones, as diffusers allows.
  public func ints(
    _ key: String, in range: ClosedRange<Int> = 1...1 << 20, count: Int? = nil
  ) throws -> [Int] {
    let ofCount = count.map { "\($0) " } ?? ""
    let problem = error(
      key, expected: "a list of \(ofCount)integers from \(range.lowerBound) to \(range.upperBound)")
    let elements: [JSON]
    switch value(key) {
    case .array(let list): elements = list
    case .some(let single): elements = count.map { Array(repeating: single, count: $0) } ?? []
    case .none: throw problem
    }
    let numbers = elements.compactMap(Self.integer).filter(range.contains)
    guard numbers.count == elements.count, !numbers.isEmpty, numbers.count == count ?? numbers.count else {
      throw problem
    }
    return numbers
  }

  /// A list of strings.
  public func strings(_ key: String, default fallback: [String]? = nil) throws -> [String] {
    if value(key) == nil, let fallback { return fallback }
    guard case .array(let list) = value(key) else { throw error(key, expected: "a list of strings") }
    let texts = list.compactMap(\.string)
    guard texts.count == list.count else { throw error(key, expected: "a list of strings") }
    return texts
  }

  /// A list of numbers.
  public func doubles(_ key: String, default fallback: [Double]? = nil) throws -> [Double] {
    if value(key) == nil, let fallback { return fallback }
    guard case .array(let list) = value(key) else { throw error(key, expected: "a list of numbers") }
    return try list.map { element in
      switch element {
      case .integer(let number): return Double(number)
      case .number(let number) where number.isFinite: return number
      default: throw error(key, expected: "a list of numbers")
      }
    }
  }

  /// The object under a key; nil if absent.
  public func nested(_ key: String) throws -> Configuration? {
    guard let value = value(key) else { return nil }
    guard case .object(let values) = value else { throw error(key, expected: "an object") }
    return Configuration(file: file, values: values, prefix: "\(prefix)\(key).")
  }

  /// Python writes some integers as 64.0.
  private static func integer(_ value: JSON) -> Int? {
    switch value {
    case .integer(let number): number
    case .number(let number): Int(exactly: number)
    default: nil
    }
  }
}
