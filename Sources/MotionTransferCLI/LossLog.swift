import Checkpoints
import MotionTransfer
import Synchronization

/// The loss of every learning step, one per line.
final class LossLog: Sendable {
  private let losses = Mutex<[Float]>([])

  /// Notes the loss of a learning step.
  func add(_ progress: Progress) {
    guard progress.stage == .learn, let loss = progress.loss else { return }
    losses.withLock { $0.append(loss) }
  }

  /// Writes the file, whole or not at all.
  func write(to path: String) throws {
    let text = losses.withLock { $0.map { "\($0)\n" }.joined() }
    try AtomicFile.write(to: path) { append in
      try Array(text.utf8).withUnsafeBytes { try append($0) }
    }
  }
}
