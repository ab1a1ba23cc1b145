import Kernels

/// How the elements of a tensor are stored. All arithmetic is float32; weights may rest in half precision.
public enum DType: String, Sendable {
  /// 32-bit IEEE.
  case float32
  /// 16-bit IEEE.
  case float16
  /// The upper half of a 32-bit IEEE number.
  case bfloat16

  /// Bytes of one element.
  public var size: Int { self == .float32 ? 4 : 2 }
}

/// Memory of one or more tensors; the last reference gives it back to the pool.
final class Storage: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  private let block: MemoryPool.Block?
  private let owner: (any AnyObject & Sendable)?

  /// Uninitialised memory from the pool.
  init(bytes: Int) {
    let block = MemoryPool.current.allocate(bytes: bytes)
    self.block = block
    base = block.base
    owner = nil
  }

  /// Read-only memory that `owner` keeps alive, such as a mapped file.
  init(mapped: UnsafeRawPointer, owner: any AnyObject & Sendable) {
    base = UnsafeMutableRawPointer(mutating: mapped)
    block = nil
    self.owner = owner
  }

  deinit {
    if let block { block.release() }
  }
}
