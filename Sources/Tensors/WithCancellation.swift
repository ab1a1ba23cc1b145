import Kernels

/// Computes with operations that stop early once `isCancelled` is true, within milliseconds even inside a large product.
///
/// Their results are then worthless. `isCancelled` must stay true from then on, and `body` must ask it, and throw, before
/// it uses or returns anything. Inside another such call, either one's word counts.
public func withCancellation<R>(
  _ isCancelled: @escaping @Sendable () -> Bool, _ body: () throws -> R
) rethrows -> R {
  let outer = ThreadPool.cancellation
  let either = Cancellation { outer?.isRequested == true || isCancelled() }
  return try ThreadPool.$cancellation.withValue(either, operation: body)
}
