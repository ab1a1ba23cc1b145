import Glibc
import Synchronization

/// What the products of linear layers and convolutions are computed with; attention, norms and activations are float32
/// in any case.
public enum Arithmetic: String, Sendable, CaseIterable {
  /// float32 throughout.
  case float32
  /// Operands rounded to bfloat16, sums in float32: twice the speed where the processor multiplies bfloat16, the same
  /// rounding without the speed elsewhere. Convolutions are direct.
  case bfloat16

  private static let isRounded = Atomic<Bool>(
    getenv("MOTIONTRANSFER_ARITHMETIC").map { String(cString: $0) } == Self.bfloat16.rawValue)

  /// The arithmetic of products that the calling task starts, in place of the process's.
  @TaskLocal public static var scoped: Arithmetic?

  /// The arithmetic of this process; at first what the environment variable `MOTIONTRANSFER_ARITHMETIC` names, or
  /// float32.
  public static var current: Arithmetic {
    get { scoped ?? (isRounded.load(ordering: .relaxed) ? .bfloat16 : .float32) }
    set { isRounded.store(newValue == .bfloat16, ordering: .relaxed) }
  }
}
