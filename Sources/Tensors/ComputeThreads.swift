import Kernels

/// The threads that operations on tensors share, one setting for the process.
public enum ComputeThreads {
  /// How many, the calling one included; setting 0 means one per processor.
  public static var count: Int {
    get { ThreadPool.shared.threads }
    set { ThreadPool.shared.threads = newValue }
  }
}
