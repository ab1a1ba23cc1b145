import CKernels

/// Two-dimensional convolution over channels-last images: im2col in pieces, one matrix product per piece.
///
/// x: (N, H, W, I); weight: (O, kernelHeight, kernelWidth, I) as a matrix (O, K); y: (N, outHeight, outWidth, O).
public struct Convolution {
  /// Sizes of one convolution.
  public let images, height, width, inputs, outputs, kernelHeight, kernelWidth, stride: Int
  /// Zero rows and columns around the input.
  public let top, left, bottom, right: Int

  /// Describes a convolution; all sizes are validated by the caller.
  public init(
    images: Int, height: Int, width: Int, inputs: Int, outputs: Int, kernelHeight: Int, kernelWidth: Int,
    stride: Int, top: Int, left: Int, bottom: Int, right: Int
  ) {
    self.images = images
    self.height = height
    self.width = width
    self.inputs = inputs
    self.outputs = outputs
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  /// Height of the output.
  public var outHeight: Int { (height + top + bottom - kernelHeight) / stride + 1 }
  /// Width of the output.
  public var outWidth: Int { (width + left + right - kernelWidth) / stride + 1 }

  private var columns: Int { kernelHeight * kernelWidth * inputs }
  private var pixels: Int { outHeight * outWidth }
  private var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && stride == 1 && top + left + bottom + right == 0
  }

  /// Output pixels per piece: enough rows to feed the product, few enough to stay near the cache.
  private func rowsPerPiece(_ total: Int) -> Int {
    let wanted = max(256, 1_048_576 / columns)
    let threads = ThreadPool.shared.threads
    return max(1, min(wanted, (total + threads - 1) / threads))
  }

  /// y = x * weight + bias
  public func forward(
    _ x: UnsafePointer<Float>, _ weight: WeightMatrix, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let total = images * pixels
    fill(y, rows: total, with: bias)
    if isPointwise {
      weight.multiplyTransposed(x, m: total, y, accumulate: bias != nil)
      return
    }
    let size = rowsPerPiece(total)
    weight.withFloats { w in
      GEMM.forEach((total + size - 1) / size) { piece in
        let first = piece * size
        let count = min(size, total - first)
        withScratch(count * columns) { scratch in
          unfold(x, first..<first + count, scratch)
          GEMM.serial(
            count, outputs, columns, GEMM.Operand(scratch, stride: columns),
            GEMM.Operand(w, stride: columns, transposed: true), keep: bias == nil ? 0 : 1,
            y + first * outputs, stride: outputs)
        }
      }
    }
  }

  /// dx from dy: the columns' gradient is folded back, image by image.
  public func inputGradient(
    _ dy: UnsafePointer<Float>, _ weight: WeightMatrix, _ dx: UnsafeMutablePointer<Float>
  ) {
    if isPointwise {
      weight.multiply(dy, m: images * pixels, dx)
      return
    }
    let threads = ThreadPool.shared.threads
    let group = max(1, min((images + threads - 1) / threads, 4_194_304 / max(pixels * columns, 1)))
    weight.withFloats { w in
      GEMM.forEach((images + group - 1) / group) { piece in
        let first = piece * group
        let count = min(group, images - first)
        let rows = count * pixels
        withScratch(rows * columns) { scratch in
          GEMM.serial(
            rows, columns, outputs, GEMM.Operand(dy + first * pixels * outputs, stride: outputs),
            GEMM.Operand(w, stride: columns), scratch, stride: columns)
          let image = height * width * inputs
          (dx + first * image).update(repeating: 0, count: count * image)
          fold(scratch, first * pixels..<(first + count) * pixels, dx)
        }
      }
    }
  }

  /// dweight (O, K) from x and dy, overwritten; one partial sum per thread, added in order.
  public func weightGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dweight: UnsafeMutablePointer<Float>
  ) {
    let total = images * pixels
    let parts = min(ThreadPool.shared.threads, (total + 255) / 256)
    let share = (total + parts - 1) / parts
    let size = outputs * columns
    let limit = max(64, 1_048_576 / columns)
    withScratch(parts * size) { partial in
      GEMM.forEach(parts) { part in
        let sum = partial + part * size
        let end = min(total, (part + 1) * share)
        var first = part * share
        if first >= end { sum.update(repeating: 0, count: size) }
        withScratch(limit * columns) { scratch in
          while first < end {
            let count = min(limit, end - first)
            let source = isPointwise ? x + first * columns : UnsafePointer(scratch)
            if !isPointwise { unfold(x, first..<first + count, scratch) }
            GEMM.serial(
              outputs, columns, count, GEMM.Operand(dy + first * outputs, stride: outputs, transposed: true),
              GEMM.Operand(source, stride: columns), keep: first == part * share ? 0 : 1, sum,
              stride: columns)
            first += count
          }
        }
      }
      dweight.update(from: partial, count: size)
      for part in 1..<max(parts, 1) { mtk_accumulate(partial + part * size, 1, dweight, size) }
    }
  }

  private func fill(_ y: UnsafeMutablePointer<Float>, rows: Int, with bias: UnsafePointer<Float>?) {
    guard let bias else { return }
    ThreadPool.shared.forRanges(rows, grain: max(1, 65_536 / outputs)) { range in
      for row in range { (y + row * outputs).update(from: bias, count: outputs) }
    }
  }

  /// Calls `body` for each output pixel of `rows` and each kernel row with the place of that run in x, how many
  /// kernel columns of it lie inside the image, and how many are cut off before and behind.
  @inline(__always)
  private func forEachRun(
    _ rows: Range<Int>, _ body: (_ row: Int, _ tap: Int, _ source: Int, _ before: Int, _ inside: Int) -> Void
  ) {
    for row in rows {
      let (image, pixel) = row.quotientAndRemainder(dividingBy: pixels)
      let (oy, ox) = pixel.quotientAndRemainder(dividingBy: outWidth)
      let x0 = ox * stride - left
      let before = min(kernelWidth, max(0, -x0))
      let inside = max(0, min(kernelWidth, width - x0) - before)
      for ky in 0..<kernelHeight {
        let y0 = oy * stride - top + ky
        let visible = y0 >= 0 && y0 < height ? inside : 0
        let source = ((image * height + y0) * width + x0 + before) * inputs
        body(row - rows.lowerBound, ky, source, before, visible)
      }
    }
  }

  private func unfold(_ x: UnsafePointer<Float>, _ rows: Range<Int>, _ out: UnsafeMutablePointer<Float>) {
    let run = kernelWidth * inputs
    forEachRun(rows) { row, tap, source, before, inside in
      let target = out + row * columns + tap * run
      if inside < kernelWidth { target.update(repeating: 0, count: run) }
      if inside > 0 { (target + before * inputs).update(from: x + source, count: inside * inputs) }
    }
  }

  private func fold(_ columnsOf: UnsafePointer<Float>, _ rows: Range<Int>, _ dx: UnsafeMutablePointer<Float>) {
    let run = kernelWidth * inputs
    forEachRun(rows) { row, tap, source, before, inside in
      guard inside > 0 else { return }
      let from = columnsOf + row * columns + tap * run + before * inputs
      mtk_accumulate(from, 1, dx + source, inside * inputs)
    }
  }
}
