import Glibc
import Synchronization

/// Ctrl-C and SIGTERM as a flag that jobs poll; a second signal ends the process at once.
struct Interrupt: Sendable {
  private static let raised = Atomic<Bool>(false)

  /// Catches the signals from here on.
  init() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        if Interrupt.raised.exchange(true, ordering: .relaxed) { _exit(128 + number) }
      }
    }
  }

  /// Whether a signal came.
  var isRaised: Bool { Self.raised.load(ordering: .relaxed) }
}
