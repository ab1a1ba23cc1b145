// One model in memory for all elements of the process that use it.
import Glibc
import MotionTransfer
import Synchronization

/// The loaded models. An engine lives as long as an element holds it: the last one that stops frees it.
final class SharedModels: Sendable {
  static let shared = SharedModels()

  private struct Entry {
    weak var engine: MotionTransferEngine?
    var isLoading = false
  }
  private enum Found {
    case loaded(MotionTransferEngine)
    case loading
    case absent
  }
  private let entries = Mutex<[String: Entry]>([:])

  /// Models in memory now.
  var count: Int { entries.withLock { $0.values.count { $0.engine != nil } } }

  /// The model, loaded once: who comes while another element loads it waits for that.
  func engine(_ model: ModelSource, _ job: Job) throws(MotionTransferError) -> MotionTransferEngine {
    let key = ([try DefaultModel.resolve(model.folder)] + [model.motionAdapter].compactMap { $0 })
      .map(Self.identity).joined(separator: " + ")
    while true {
      switch claim(key) {
      case .loaded(let engine): return engine
      case .absent: return try load(model, key, job)
      case .loading:
        if job.isCancelled() { throw .cancelled }
        usleep(2000)
      }
    }
  }

  /// What there is; `absent` makes the caller the one who loads.
  private func claim(_ key: String) -> Found {
    entries.withLock { entries in
      if let engine = entries[key]?.engine { return .loaded(engine) }
      if entries[key]?.isLoading ?? false { return .loading }
      entries = entries.filter { $0.value.engine != nil || $0.value.isLoading }
      entries[key] = Entry(isLoading: true)
      return .absent
    }
  }

  private func load(_ model: ModelSource, _ key: String, _ job: Job) throws(MotionTransferError) -> MotionTransferEngine
  {
    do throws(MotionTransferError) {
      let engine = try MotionTransferEngine(
        model: model.folder, motionAdapter: model.motionAdapter, job: job)
      entries.withLock { $0[key] = Entry(engine: engine) }
      return engine
    } catch {
      entries.withLock { $0[key] = nil }
      throw error
    }
  }

  /// The real path and when it was written: a model that was trained anew is another one.
  private static func identity(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    var status = stat()
    if stat(path + "/model_index.json", &status) != 0 { stat(path, &status) }
    return "\(String(cString: real)) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
