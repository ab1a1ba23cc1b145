import CKernels
import COpenBLAS

/// Matrix products in row-major terms: the only place that calls BLAS.
///
/// OpenBLAS is used with one thread per call; threads are ours, above it. Its thread count is one setting for the
/// whole process, so it is put to one while a product runs and back afterwards: a host application that uses
/// OpenBLAS itself keeps its setting.
public enum GEMM {
  private static let users = Guarded((count: 0, hostThreads: Int32(1)))

  private static func withSingleThreadedBLAS(_ body: () -> Void) {
    users.locked { users in
      if users.count == 0 {
        users.hostThreads = openblas_get_num_threads()
        if users.hostThreads != 1 { openblas_set_num_threads(1) }
      }
      users.count += 1
    }
    body()
    users.locked { users in
      users.count -= 1
      if users.count == 0, users.hostThreads != 1 { openblas_set_num_threads(users.hostThreads) }
    }
  }

  /// The processor core that OpenBLAS chose its kernels for, as it calls it.
  public static var coreName: String { String(cString: openblas_get_corename()) }

  /// One operand: where it lies, its row stride, and whether it is read transposed.
  public struct Operand {
    let base: UnsafePointer<Float>
    let stride: Int
    let transposed: Bool

    /// The matrix at `base` with rows `stride` apart; `transposed`: its transpose is meant.
    public init(_ base: UnsafePointer<Float>, stride: Int, transposed: Bool = false) {
      self.base = base
      self.stride = stride
      self.transposed = transposed
    }

    /// The operand from row `r` (of the matrix as it enters the product) on.
    func row(_ r: Int) -> Operand {
      Operand(base + (transposed ? r : r * stride), stride: stride, transposed: transposed)
    }

    func column(_ c: Int) -> Operand {
      Operand(base + (transposed ? c * stride : c), stride: stride, transposed: transposed)
    }
  }

  /// c (m, n) = scale * a (m, k) · b (k, n) + keep * c, on the calling thread. Call it inside `forEach`.
  @inline(__always)
  public static func serial(
    _ m: Int, _ n: Int, _ k: Int, scale: Float = 1, _ a: Operand, _ b: Operand, keep: Float = 0,
    _ c: UnsafeMutablePointer<Float>, stride: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), scale, a.base, blasint(a.stride), b.base, blasint(b.stride), keep,
      c, blasint(stride))
  }

  /// Runs a loop on the pool whose iterations call `serial`.
  public static func forEach(_ count: Int, _ body: (Int) -> Void) {
    withSingleThreadedBLAS { ThreadPool.shared.forEach(count, body) }
  }

  /// c (m, n) = scale * a (m, k) · b (k, n) + keep * c, on all threads.
  public static func multiply(
    _ m: Int, _ n: Int, _ k: Int, scale: Float = 1, _ a: Operand, _ b: Operand, keep: Float = 0,
    _ c: UnsafeMutablePointer<Float>, stride: Int
  ) {
    guard m > 0, n > 0 else { return }
    let pieces = m * n * k < 32_768 ? 1 : ThreadPool.shared.threads
    if m >= n / 2 && m >= 8 * pieces {
      let size = (m + pieces - 1) / pieces
      forEach((m + size - 1) / size) { i in
        let first = i * size
        serial(
          min(size, m - first), n, k, scale: scale, a.row(first), b, keep: keep, c + first * stride,
          stride: stride)
      }
    } else {
      let size = max((n + pieces - 1) / pieces, 16)
      forEach((n + size - 1) / size) { i in
        let first = i * size
        serial(
          m, min(size, n - first), k, scale: scale, a, b.column(first), keep: keep, c + first, stride: stride)
      }
    }
  }
}

/// A weight matrix (rows, columns), contiguous, in the precision of its checkpoint.
public struct WeightMatrix {
  /// How the elements are stored.
  public enum Element: Sendable { case float32, float16, bfloat16 }

  let base: UnsafeRawPointer
  let element: Element
  let rows: Int
  let columns: Int

  /// A matrix at `base`, which outlives every use.
  public init(_ base: UnsafeRawPointer, _ element: Element, rows: Int, columns: Int) {
    self.base = base
    self.element = element
    self.rows = rows
    self.columns = columns
  }

  /// Rows per tile when the elements must be widened: about 1 MiB of float32.
  private var tileRows: Int { max(16, min(rows, 262_144 / max(columns, 1))) }

  /// Calls `body` with float32 rows `range`; `scratch` holds the widened copy where one is needed.
  private func withRows(
    _ range: Range<Int>, _ scratch: UnsafeMutablePointer<Float>, _ body: (UnsafePointer<Float>) -> Void
  ) {
    let count = range.count * columns
    switch element {
    case .float32:
      body(base.assumingMemoryBound(to: Float.self) + range.lowerBound * columns)
    case .float16:
      mtk_widen_float16(base.assumingMemoryBound(to: UInt16.self) + range.lowerBound * columns, scratch, count)
      body(scratch)
    case .bfloat16:
      mtk_widen_bfloat16(base.assumingMemoryBound(to: UInt16.self) + range.lowerBound * columns, scratch, count)
      body(scratch)
    }
  }

  /// y (m, rows) = x (m, columns) · selfᵀ (+ y where `accumulate`): the forward of a linear layer.
  public func multiplyTransposed(
    _ x: UnsafePointer<Float>, m: Int, _ y: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    let keep: Float = accumulate ? 1 : 0
    if element == .float32 {
      let w = GEMM.Operand(base.assumingMemoryBound(to: Float.self), stride: columns, transposed: true)
      GEMM.multiply(m, rows, columns, GEMM.Operand(x, stride: columns), w, keep: keep, y, stride: rows)
      return
    }
    let size = tileRows
    GEMM.forEach((rows + size - 1) / size) { i in
      let range = i * size..<min(rows, (i + 1) * size)
      withScratch(size * columns) { scratch in
        withRows(range, scratch) { w in
          GEMM.serial(
            m, range.count, columns, GEMM.Operand(x, stride: columns),
            GEMM.Operand(w, stride: columns, transposed: true), keep: keep, y + range.lowerBound, stride: rows)
        }
      }
    }
  }

  /// y (m, columns) = x (m, rows) · self (+ y where `accumulate`): the input gradient of a linear layer.
  public func multiply(
    _ x: UnsafePointer<Float>, m: Int, _ y: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    let keep: Float = accumulate ? 1 : 0
    if element == .float32 {
      let w = GEMM.Operand(base.assumingMemoryBound(to: Float.self), stride: columns)
      GEMM.multiply(m, columns, rows, GEMM.Operand(x, stride: rows), w, keep: keep, y, stride: columns)
      return
    }
    let size = tileRows
    withScratch(size * columns) { scratch in
      for first in stride(from: 0, to: rows, by: size) {
        let range = first..<min(rows, first + size)
        withRows(range, scratch) { w in
          GEMM.multiply(
            m, columns, range.count, GEMM.Operand(x + first, stride: rows), GEMM.Operand(w, stride: columns),
            keep: first == 0 ? keep : 1, y, stride: columns)
        }
      }
    }
  }
}

extension WeightMatrix {
  /// Calls `body` with the whole matrix in float32, widened first where it rests in half precision.
  func withFloats(_ body: (UnsafePointer<Float>) -> Void) {
    if element == .float32 { return body(base.assumingMemoryBound(to: Float.self)) }
    withScratch(rows * columns) { scratch in
      ThreadPool.shared.forRanges(rows, grain: max(1, 65_536 / max(columns, 1))) { range in
        withRows(range, scratch + range.lowerBound * columns) { _ in }
      }
      body(scratch)
    }
  }
}

/// Temporary floats for one piece of a loop.
func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let block = MemoryPool.shared.allocate(bytes: max(count, 1) * 4)
  body(block.base.assumingMemoryBound(to: Float.self))
  MemoryPool.shared.release(block)
}
