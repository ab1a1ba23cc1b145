/// A JSON value (RFC 8259).
///
/// An own parser rather than JSONDecoder, because checkpoint headers come from strangers: duplicate keys must be seen,
/// depth must be limited, integers must stay exact. It also keeps FoundationEssentials (7 MB) out of the plugin.
public enum JSON: Sendable, Equatable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A number without fraction or exponent that fits in 64 bits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSON])
  /// An object; keys are unique.
  case object([String: JSON])

  /// The member of an object; nil for other values, absent keys and null.
  public subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self, let value = members[key], value != .null else { return nil }
    return value
  }

  /// The text of a string.
  public var string: String? { if case .string(let value) = self { value } else { nil } }

  /// The value of an integer.
  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }

  /// The value of a boolean.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The elements of an array.
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }

  /// The members of an object.
  public var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }

  /// What the value is, for messages: `"abc" (a string)`.
  var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value.prefix(60))\" (a string)"
    case .array(let value): "a list of \(value.count)"
    case .object(let value): "an object of \(value.count) keys"
    }
  }

  /// The document with sorted keys and no spaces; whole numbers look alike however they were written, and what is no number
  /// becomes null.
  public var text: String {
    switch self {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .number(let number):
      Int(exactly: number).map(String.init) ?? (number.isFinite ? String(number) : "null")
    case .string(let text): Self.quoted(text)
    case .array(let elements): "[\(elements.map(\.text).joined(separator: ","))]"
    case .object(let members):
      "{\(members.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\($0.value.text)" }.joined(separator: ","))}"
    }
  }

  /// Parses a whole document.
  /// - Parameters:
  ///   - bytes: UTF-8.
  ///   - file: path for messages.
  /// - Throws: ``CheckpointError`` with the byte offset of the first fault.
  public init(parsing bytes: [UInt8], file: String) throws {
    var parser = JSONParser(bytes)
    do throws(JSONParser.Fault) {
      self = try parser.document()
    } catch {
      throw CheckpointError(.badData, "\(file): invalid JSON at byte \(error.offset): \(error.reason).")
    }
  }

  /// Parses a file.
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: largest size in bytes.
  public init(contentsOf path: String, limit: Int = 1 << 26) throws {
    try self.init(parsing: readSmallFile(path, limit: limit), file: path)
  }

  /// A string as JSON writes it.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Recursive descent over bytes, with limited depth.
private struct JSONParser {
  struct Fault: Error {
    var offset: Int
    var reason: String
  }

  private static let deepest = 64
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(Fault) -> JSON {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw fault("text after the end of the value") }
    return value
  }

  private func fault(_ reason: String) -> Fault { Fault(offset: position, reason: reason) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Fault) -> JSON {
    guard depth < Self.deepest else { throw fault("nested deeper than \(Self.deepest)") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    // Not JSON, but what Python writes, as DPM-Solver++'s lambda_min_clipped.
    case UInt8(ascii: "-") where bytes[position...].starts(with: "-I".utf8):
      return try word("-Infinity", .number(-.infinity))
    case .some: return try number()
    case .none: throw fault("the text ends early")
    }
  }

  private mutating func word(_ text: String, _ value: JSON) throws(Fault) -> JSON {
    guard bytes[position...].starts(with: text.utf8) else { throw fault("expected a value") }
    position += text.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(Fault) -> JSON {
    position += 1
    var members: [String: JSON] = [:]
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("expected a key") }
      let key = try string()
      guard take(UInt8(ascii: ":")) else { throw fault("expected ':'") }
      let member = try value(depth: depth + 1)
      guard members.updateValue(member, forKey: key) == nil else {
        throw fault("the key \"\(key.prefix(80))\" appears twice")
      }
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw fault("expected ',' or '}'") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(Fault) -> JSON {
    position += 1
    var elements: [JSON] = []
    if take(UInt8(ascii: "]")) { return .array(elements) }
    repeat { elements.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw fault("expected ',' or ']'") }
    return .array(elements)
  }

  private mutating func string() throws(Fault) -> String {
    position += 1
    var text = ""
    while true {
      let start = position
      while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        position += 1
      }
      guard let plain = String(validating: bytes[start..<position], as: UTF8.self) else {
        throw fault("invalid UTF-8")
      }
      text += plain
      guard let byte = next else { throw fault("a string without end") }
      guard byte >= 0x20 else { throw fault("a control character inside a string") }
      position += 1
      if byte == UInt8(ascii: "\"") { return text }
      text.unicodeScalars.append(try escape())
    }
  }

  private mutating func escape() throws(Fault) -> Unicode.Scalar {
    guard let byte = next else { throw fault("a string without end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try hexadecimal()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard first < 0xDC00, next == UInt8(ascii: "\\") else { throw fault("half a surrogate pair") }
      position += 1
      guard next == UInt8(ascii: "u") else { throw fault("half a surrogate pair") }
      position += 1
      let second = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      else { throw fault("half a surrogate pair") }
      return scalar
    default: throw fault("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(Fault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw fault("expected four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private mutating func number() throws(Fault) -> JSON {
    let start = position
    var isInteger = true
    if next == UInt8(ascii: "-") { position += 1 }
    let firstDigit = position
    try digits()
    if bytes[firstDigit] == UInt8(ascii: "0"), position > firstDigit + 1 { throw fault("a leading zero") }
    if next == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if next == UInt8(ascii: "-") || next == UInt8(ascii: "+") { position += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw fault("a number out of range") }
    return .number(number)
  }

  private mutating func digits() throws(Fault) {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw fault("expected a value") }
  }
}
