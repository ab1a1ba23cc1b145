import CKernels

/// The instruction set that the kernels were chosen for.
public enum InstructionSet {
  /// `avx512bf16`, `avx512`, `avx2` or `baseline`.
  public static var name: String { String(cString: mtk_instruction_set()) }
}
