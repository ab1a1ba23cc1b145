public import Kernels

/// What operations on tensors run on; one setting for the process.
public enum Machine {
  /// Threads that operations share, the calling one included; setting 0 means one per processor.
  public static var threads: Int {
    get { ThreadPool.shared.threads }
    set { ThreadPool.shared.threads = newValue }
  }

  /// How 3x3 convolutions are computed: `direct`, `winograd2` (the default, as exact) or `winograd4`.
  public static var convolution: ConvolutionMethod {
    get { ConvolutionMethod.current }
    set { ConvolutionMethod.current = newValue }
  }

  /// What linear layers and convolutions are computed with: `float32`, or `bfloat16` with float32 sums.
  public static var arithmetic: Arithmetic {
    get { Arithmetic.current }
    set { Arithmetic.current = newValue }
  }

  /// The instruction set of our kernels and the processor core that OpenBLAS chose its kernels for.
  public static var description: String {
    "\(InstructionSet.name) kernels, OpenBLAS core \(GEMM.coreName), \(convolution) convolutions, \(arithmetic), \(threads) threads"
  }

  /// Gives memory that no tensor uses back to the system.
  public static func releaseMemory() {
    MemoryPool.shared.trim()
  }
}
