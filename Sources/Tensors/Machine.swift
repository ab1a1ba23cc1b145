import Kernels

/// What operations on tensors run on; one setting for the process.
public enum Machine {
  /// Threads that operations share, the calling one included; setting 0 means one per processor.
  public static var threads: Int {
    get { ThreadPool.shared.threads }
    set { ThreadPool.shared.threads = newValue }
  }

  /// The instruction set of our kernels and the processor core that OpenBLAS chose its kernels for.
  public static var description: String {
    "\(InstructionSet.name) kernels, OpenBLAS core \(GEMM.coreName), \(threads) threads"
  }

  /// Gives memory that no tensor uses back to the system.
  public static func releaseMemory() {
    MemoryPool.shared.trim()
  }
}
