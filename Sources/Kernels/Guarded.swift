import Glibc

/// A value behind a mutex with a condition to wait on (the standard library's Mutex has none).
public final class Guarded<Value>: @unchecked Sendable {
  private var value: Value
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// Guards `value`.
  public init(_ value: Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Runs `body` alone with the value.
  @discardableResult
  public func locked<R>(_ body: (inout Value) throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  /// Sleeps while `blocked`, then runs `body` alone with the value.
  @discardableResult
  public func waiting<R>(while blocked: (Value) -> Bool, _ body: (inout Value) -> R) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while blocked(value) { pthread_cond_wait(condition, mutex) }
    return body(&value)
  }

  /// Wakes every waiting thread, to look again.
  public func wakeAll() {
    pthread_cond_broadcast(condition)
  }
}
