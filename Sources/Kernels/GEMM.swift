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

  /// y (m, rows) = x (m, columns) · selfᵀ + bias + residual: the forward of a linear layer.
  ///
  /// - Parameters:
  ///   - bias: (rows), or nil
  ///   - residual: (m, rows), or nil; may be y
  public func multiplyTransposed(
    _ x: UnsafePointer<Float>, m: Int, bias: UnsafePointer<Float>? = nil, residual: UnsafePointer<Float>? = nil,
    _ y: UnsafeMutablePointer<Float>
  ) {
    var product = PanelProduct(operand(transposed: true))
    product.bias = bias
    product.residual = residual
    product(x, stride: columns, rows: m, y)
  }

  /// y (m, rows / 2) = a · gelu(g), a and g the halves of x · selfᵀ + bias: a linear layer and its gate in one pass.
  public func multiplyGated(
    _ x: UnsafePointer<Float>, m: Int, bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
  ) {
    var product = PanelProduct(operand(transposed: true))
    product.bias = bias
    product.gate = true
    product(x, stride: columns, rows: m, y)
  }

  /// dx (m, columns) of `multiplyGated` from x and dy (m, rows / 2): the halves are computed again, a few rows at a time.
  public func gatedInputGradient(
    _ x: UnsafePointer<Float>, m: Int, bias: UnsafePointer<Float>?, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    var halves = PanelProduct(operand(transposed: true))
    halves.bias = bias
    let half = rows / 2
    halves.then(PanelProduct(operand(transposed: false)), x, rows: m, dx) { first, count, halves in
      mtk_geglu_pullback(halves, dy + first * half, halves, count, half)
    }
  }

  /// y (m, columns) = x (m, rows) · self: the input gradient of a linear layer.
  public func multiply(_ x: UnsafePointer<Float>, m: Int, _ y: UnsafeMutablePointer<Float>) {
    PanelProduct(operand(transposed: false))(x, stride: rows, rows: m, y)
  }
}

/// Temporary floats for one piece of a loop.
func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let block = MemoryPool.current.allocate(bytes: max(count, 1) * 4)
  body(block.base.assumingMemoryBound(to: Float.self))
  block.release()
}

extension ThreadPool {
  /// Runs a loop whose iterations have so many temporary floats each.
  func forEach(_ count: Int, scratch: Int, _ body: (Int, UnsafeMutablePointer<Float>) -> Void) {
    MemoryPool.rehearse(threads: min(count, threads), bytes: scratch * 4)
    forEach(count) { index in withScratch(scratch) { body(index, $0) } }
  }
}
