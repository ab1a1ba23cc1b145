import Kernels

/// Most bytes that tensors and kernels would hold, had `body` run in an empty pool.
///
/// Everything is run but the arithmetic: memory is asked for and given back in the same order, but not written, so that the
/// system does not provide it. What `body` computes is worthless, and nothing of it may leave.
///
/// - Parameter body: is given the bytes held so far, so that it can stop early
public func rehearsedMemory(_ body: (_ held: @escaping @Sendable () -> Int) throws -> Void) rethrows -> Int {
  let pool = MemoryPool()
  defer { pool.trim() }
  try MemoryPool.$standIn.withValue(pool) {
    try ThreadPool.$cancellation.withValue(Cancellation { true }) { try body { pool.statistics.held } }
  }
  return pool.statistics.held
}
