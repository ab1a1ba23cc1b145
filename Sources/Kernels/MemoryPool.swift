import CKernels
import Glibc

/// Blocks of memory that are kept for the next taker instead of going back to the system.
///
/// A denoising or learning step takes the same sizes in the same order every time, so after the first step every
/// request is met from the free lists and nothing is allocated; touching fresh pages is what makes allocation dear.
public final class MemoryPool: Sendable {
  /// The pool of this process.
  public static let shared = MemoryPool()

  /// The pool that stands in for the process's, for a rehearsal; see `rehearsedMemory`.
  @TaskLocal public static var standIn: MemoryPool?

  /// Where memory comes from here.
  public static var current: MemoryPool { standIn ?? shared }

  /// An empty pool.
  public init() {}

  /// A piece of memory and the size class that it goes back to.
  public struct Block: @unchecked Sendable {
    /// First byte, aligned to 64.
    public let base: UnsafeMutableRawPointer
    let sizeClass: Int
    let pool: MemoryPool

    /// Gives it back.
    public func release() { pool.release(self) }
  }

  /// Counters of the pool.
  public struct Statistics: Sendable {
    /// Bytes in use now.
    public var live = 0
    /// Most bytes in use since the last `resetPeak`.
    public var peak = 0
    /// Requests that the free lists could not meet, so that memory came from the system.
    public var allocations = 0
    /// Bytes held, in use or free.
    public var held = 0
  }

  private struct State: @unchecked Sendable {
    var free: [Int: [UnsafeMutableRawPointer]] = [:]
    var statistics = Statistics()
  }

  private let state = Guarded(State())

  /// The counters now.
  public var statistics: Statistics { state.locked { $0.statistics } }

  /// Starts a new peak measurement.
  public func resetPeak() { state.locked { $0.statistics.peak = $0.statistics.live } }

  /// Bytes rounded up to one of eight steps per power of two, so that at most an eighth is wasted.
  static func sizeClass(_ bytes: Int) -> Int {
    guard bytes > 512 else { return max(64, (bytes + 63) & ~63) }
    let step = 1 << (Int.bitWidth - (bytes - 1).leadingZeroBitCount - 4)
    return (bytes + step - 1) & ~(step - 1)
  }

  private static let mapped = 1 << 20

  /// The class of a free block for a size: its own; for large ones also the next that is at most twice as large, so that
  /// layers of many sizes, which compute one after the other, share their scratch memory.
  private static func fitting(_ size: Int, _ free: [Int: [UnsafeMutableRawPointer]]) -> Int? {
    if free[size]?.isEmpty == false { return size }
    guard size >= mapped else { return nil }
    return free.filter { $0.key > size && $0.key <= 2 * size && !$0.value.isEmpty }.keys.min()
  }

  /// At least `bytes` of uninitialised memory. Sizes from outside are checked before they come here.
  public func allocate(bytes: Int) -> Block {
    var size = Self.sizeClass(bytes)
    let reused: UnsafeMutableRawPointer? = state.locked { state in
      let found = Self.fitting(size, state.free)
      size = found ?? size
      state.statistics.live += size
      state.statistics.peak = max(state.statistics.peak, state.statistics.live)
      if found != nil, let base = state.free[size]?.popLast() { return base }
      state.statistics.allocations += 1
      state.statistics.held += size
      return nil
    }
    return Block(base: reused ?? Self.systemAllocate(size), sizeClass: size, pool: self)
  }

  /// Counts what every thread of a loop takes, in a rehearsal, where loops have no iterations.
  static func rehearse(threads: Int, bytes: Int) {
    guard let standIn else { return }
    let blocks = (0..<threads).map { _ in standIn.allocate(bytes: bytes) }
    for block in blocks { block.release() }
  }

  /// Counts memory that is taken beside the pool.
  public func count(bytes: Int) { state.locked { $0.statistics.held += bytes } }

  private func release(_ block: Block) {
    state.locked { state in
      state.statistics.live -= block.sizeClass
      state.free[block.sizeClass, default: []].append(block.base)
    }
  }

  /// Gives all free blocks back to the system, and with them what malloc keeps of memory that was freed: after a
  /// model is gone, that is most of what a process has.
  public func trim() {
    let free = state.locked { state in
      defer { state.free = [:] }
      for (size, blocks) in state.free { state.statistics.held -= size * blocks.count }
      return state.free
    }
    for (size, blocks) in free {
      for base in blocks {
        if size >= Self.mapped { munmap(base, size) } else { Glibc.free(base) }
      }
    }
    malloc_trim(0)
  }

  private static func systemAllocate(_ size: Int) -> UnsafeMutableRawPointer {
    if size >= mapped {
      let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      precondition(base != MAP_FAILED, "out of memory: \(size) bytes")
      madvise(base, size, Int32(MADV_HUGEPAGE))
      return base.unsafelyUnwrapped
    }
    var base: UnsafeMutableRawPointer?
    precondition(posix_memalign(&base, 64, size) == 0, "out of memory: \(size) bytes")
    return base.unsafelyUnwrapped
  }
}
