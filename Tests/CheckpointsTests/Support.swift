import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

/// Fixtures made by Tests/Goldens/checkpoint_goldens.py.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Goldens/checkpoints").path()

/// A folder that lives as long as the test's closure.
func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appending(path: "checkpoints-\(UUID())").path()
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

/// Writes bytes to a file in a temporary folder and hands over its path.
func withFile<R>(_ bytes: [UInt8], name: String = "file", _ body: (String) throws -> R) throws -> R {
  try withTemporaryFolder { folder in
    try Data(bytes).write(to: URL(filePath: "\(folder)/\(name)"))
    return try body("\(folder)/\(name)")
  }
}

func write(_ text: String, to path: String) throws {
  try text.write(toFile: path, atomically: false, encoding: .utf8)
}

/// Fails unless the call throws a `CheckpointError` of this kind whose message contains all the texts.
func expectError(
  _ kind: CheckpointError.Kind = .badData, _ texts: String...,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  let error = #expect(throws: CheckpointError.self, sourceLocation: sourceLocation, performing: body)
  guard let error else { return }
  #expect(error.kind == kind, "\(error)", sourceLocation: sourceLocation)
  for text in texts { #expect(error.message.contains(text), "\(error)", sourceLocation: sourceLocation) }
}

extension FixedWidthInteger {
  /// Little-endian bytes.
  var bytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

extension Tensor {
  init(counting shape: [Int], from start: Float = 0) {
    self.init((0..<shape.reduce(1, *)).map { start + Float($0) }, shape: shape)
  }
}
