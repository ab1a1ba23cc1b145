/// What the products of linear layers and convolutions are computed with; attention, norms and activations are float32
/// in any case.
public enum Arithmetic: String, Sendable, CaseIterable {
  /// float32 throughout.
  case float32
  /// Operands rounded to bfloat16, sums in float32: twice the speed where the processor multiplies bfloat16, the same
  /// rounding without the speed elsewhere. Convolutions are direct.
  case bfloat16

  /// The arithmetic of products that the calling task starts.
  @TaskLocal public static var current = Arithmetic.float32
}
