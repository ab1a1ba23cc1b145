import Checkpoints
import Glibc

/// Results as lines of JSON in a file that grows: what a killed process measured is there for the next one.
public final class ResultLog {
  /// One measured clip.
  public struct Entry: Sendable, Equatable {
    /// Name of everything that the result depends on.
    public let id: String
    /// Name of the reference.
    public let reference: String
    /// What was asked for.
    public let prompt: String
    /// Name of the method.
    public let method: String
    /// Of the sampling.
    public let seed: UInt64
    /// Time of the sampling and of the scoring.
    public let seconds: Double
    /// What was measured.
    public let score: ClipScore

    /// All parts.
    public init(
      id: String, reference: String, prompt: String, method: String, seed: UInt64, seconds: Double, score: ClipScore
    ) {
      self.id = id
      self.reference = reference
      self.prompt = prompt
      self.method = method
      self.seed = seed
      self.seconds = seconds
      self.score = score
    }
  }

  /// By ``Entry/id``.
  public private(set) var entries: [String: Entry] = [:]
  private let path: String
  private let descriptor: Int32

  /// Opens a file, or makes it.
  ///
  /// A last line without its end, from a process that was killed while it wrote, is cut off.
  /// - Throws: `CheckpointError` where the file cannot be used or holds other things
  public init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw CheckpointError(.unwritable, "\(path): cannot be written (error \(errno)); name another folder.")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    let end = (bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    if end < bytes.count, ftruncate(descriptor, end) != 0 {
      throw CheckpointError(.unwritable, "\(path): cannot be cut to its last whole line (error \(errno)).")
    }
    for line in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
      let entry = try Entry(try Configuration(try JSON(parsing: Array(line), file: path), file: path))
      entries[entry.id] = entry
    }
  }

  deinit { close(descriptor) }

  /// Adds a line, on disk when this returns.
  public func append(_ entry: Entry) throws {
    let line = Array((entry.json.text + "\n").utf8)
    guard write(descriptor, line, line.count) == line.count, fsync(descriptor) == 0 else {
      throw CheckpointError(
        errno == ENOSPC ? .noSpace : .unwritable, "\(path): writing failed (error \(errno)); is the disk full?")
    }
    entries[entry.id] = entry
  }
}

extension ResultLog.Entry {
  init(_ json: Configuration) throws {
    let scores = try json.nested("scores")
    var values: [Metric: Double] = [:]
    for measure in Metric.allCases where scores?.has(measure.rawValue) == true {
      values[measure] = try scores?.double(measure.rawValue)
    }
    self.init(
      id: try json.string("id"), reference: try json.string("reference"), prompt: try json.string("prompt"),
      method: try json.string("method"), seed: UInt64(try json.int("seed", in: 0...Int.max)),
      seconds: try json.double("seconds"), score: ClipScore(values: values))
  }

  var json: JSON {
    let scores = score.values.map { ($0.key.rawValue, JSON.number($0.value)) }
    return .object([
      "id": .string(id), "reference": .string(reference), "prompt": .string(prompt), "method": .string(method),
      "seed": .integer(Int(clamping: seed)), "seconds": .number(seconds),
      "scores": .object(Dictionary(uniqueKeysWithValues: scores)),
    ])
  }
}
