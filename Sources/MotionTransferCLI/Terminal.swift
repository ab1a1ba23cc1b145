import Glibc
import Metrics
import MotionTransfer
import Synchronization

/// Progress on standard error: one line with a bar on a terminal, one line per stage elsewhere.
final class Terminal: Sendable {
  private struct State {
    var stage: Stage?
    var start = ContinuousClock.now
    var isOpen = false
  }

  private let state = Mutex(State())
  private static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Shows how far a job is.
  func show(_ progress: Progress) {
    state.withLock { state in
      if state.stage != progress.stage {
        state.stage = progress.stage
        state.start = .now
        if !Self.isTerminal { StandardError.write("\(progress.stage.rawValue)\n") }
      }
      guard Self.isTerminal else { return }
      StandardError.write("\r\u{1b}[K" + Self.line(progress, elapsed: ContinuousClock.now - state.start))
      state.isOpen = progress.step < progress.steps
      if !state.isOpen { StandardError.write("\n") }
    }
  }

  private static func line(_ progress: Progress, elapsed: Duration) -> String {
    let share = Double(progress.step) / Double(max(progress.steps, 1))
    let filled = Int(share * 30)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
    var line = "\(progress.stage.rawValue) [\(bar)] \(progress.step)/\(progress.steps)"
    if let loss = progress.loss { line += " loss \(decimals(Double(loss), 4))" }
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    line += " \(decimals(seconds, 1)) s"
    if progress.step > 0, share < 1 { line += ", \(decimals(seconds / share - seconds, 1)) s left" }
    return line
  }

  /// Ends an open line.
  func finish() {
    state.withLock { state in
      if state.isOpen { StandardError.write("\n") }
      state.isOpen = false
    }
  }

  /// Ends whatever line an error interrupted.
  static func finishLine() {
    if isTerminal { StandardError.write("\r\u{1b}[K") }
  }

  /// A line on standard error.
  @Sendable static func note(_ message: String) {
    StandardError.write("motiontransfer: \(message)\n")
  }

  /// A warning on standard error.
  @Sendable static func warn(_ message: String) {
    StandardError.write("motiontransfer: warning: \(message)\n")
  }
}
