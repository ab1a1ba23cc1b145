import Foundation
import Synchronization

/// A folder that exists during a test.
enum TemporaryFolder {
  static func with<R>(_ body: (String) throws -> R) throws -> R {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path())
  }
}

/// Values that a job reports, in order.
final class Collected<Value: Sendable>: Sendable {
  private let stored = Mutex<[Value]>([])

  func add(_ value: Value) { stored.withLock { $0.append(value) } }

  var values: [Value] { stored.withLock { $0 } }
}
