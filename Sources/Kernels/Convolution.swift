import CKernels

/// Two-dimensional convolution over channels-last images: a product whose rows are the places of the window's elements
/// in the image, so that nothing is copied.
///
/// x: (N, H, W, I); weight: (O, kernelHeight, kernelWidth, I) as a matrix (O, K);
/// y: (N, outHeight, outWidth, O).
public struct Convolution {
  /// Sizes of one convolution.
  public let images, height, width, inputs, outputs, kernelHeight, kernelWidth, stride: Int
  /// Zero rows and columns around the input.
  public let top, left, bottom, right: Int
  /// Elements of the weight between neighbouring window elements and between outputs.
  private var tapStride, outputStride: Int

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
    tapStride = inputs
    outputStride = kernelHeight * kernelWidth * inputs
  }

  /// A convolution over three neighbouring frames of (B, F, P, I), whose weight is (3, O, I).
  init(clips: Int, frames: Int, positions: Int, inputs: Int, outputs: Int) {
    self.init(
      images: clips, height: frames, width: positions, inputs: inputs, outputs: outputs, kernelHeight: 3,
      kernelWidth: 1, stride: 1, top: 1, left: 0, bottom: 1, right: 0)
    tapStride = outputs * inputs
    outputStride = inputs
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

  private var taps: Int { kernelHeight * kernelWidth }

  /// y = x * weight + bias
  public func forward(
    _ x: UnsafePointer<Float>, _ weight: WeightMatrix, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let operand = weight.operand(
      taps: taps, depth: inputs, columns: outputs, tapStride: tapStride, depthStride: 1, columnStride: outputStride)
    if let winograd = winograd(inputs, outputs) { return winograd(x, operand, flipped: false, bias, y) }
    var product = PanelProduct(operand)
    product.bias = bias
    if isPointwise { return product(x, stride: inputs, rows: images * pixels, y) }
    withZeros(inputs) { zeros in
      product(rows: images * pixels, y) { gatherInputs(x, zeros, $0, $1) }
    }
  }

  /// dx from dy: every input pixel sums over the outputs that its window elements went to.
  public func inputGradient(
    _ dy: UnsafePointer<Float>, _ weight: WeightMatrix, _ dx: UnsafeMutablePointer<Float>
  ) {
    let operand = weight.operand(
      taps: taps, depth: outputs, columns: inputs, tapStride: tapStride, depthStride: outputStride, columnStride: 1)
    if let winograd = winograd(outputs, inputs) { return winograd(dy, operand, flipped: true, nil, dx) }
    let product = PanelProduct(operand)
    if isPointwise { return product(dy, stride: outputs, rows: images * pixels, dx) }
    withZeros(outputs) { zeros in
      product(rows: images * height * width, dx) { gatherOutputs(dy, zeros, $0, $1) }
    }
  }

  /// Winograd's way for a 3x3 window that keeps the picture's size, where it pays.
  private func winograd(_ inputs: Int, _ outputs: Int) -> Winograd? {
    let sides = [top, left, bottom, right]
    guard kernelHeight == 3, kernelWidth == 3, stride == 1, sides == [1, 1, 1, 1] else { return nil }
    return Winograd(images: images, height: height, width: width, inputs: inputs, outputs: outputs)
  }

  private func withZeros(_ count: Int, _ body: (UnsafePointer<Float>) -> Void) {
    withScratch(count) { zeros in
      zeros.update(repeating: 0, count: count)
      body(zeros)
    }
  }

  /// Where the window elements of output pixels `rows` lie in x; `zeros` outside the image.
  private func gatherInputs(
    _ x: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>, _ rows: Range<Int>,
    _ places: UnsafeMutablePointer<UnsafePointer<Float>?>
  ) {
    let start = rows.lowerBound.quotientAndRemainder(dividingBy: pixels)
    var image = start.quotient
    var (oy, ox) = start.remainder.quotientAndRemainder(dividingBy: outWidth)
    for row in 0..<rows.count {
      for ky in 0..<kernelHeight {
        let sourceY = oy * stride - top + ky
        let isInside = sourceY >= 0 && sourceY < height
        for kx in 0..<kernelWidth {
          let sourceX = ox * stride - left + kx
          places[(ky * kernelWidth + kx) * rows.count + row] =
            isInside && sourceX >= 0 && sourceX < width
            ? x + ((image * height + sourceY) * width + sourceX) * inputs : zeros
        }
      }
      ox += 1
      if ox == outWidth { (ox, oy) = (0, oy + 1) }
      if oy == outHeight { (oy, image) = (0, image + 1) }
    }
  }

  /// Where the outputs lie that input pixels `rows` went to through each window element; `zeros` where there is none.
  private func gatherOutputs(
    _ dy: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>, _ rows: Range<Int>,
    _ places: UnsafeMutablePointer<UnsafePointer<Float>?>
  ) {
    /// The output whose window has its element `tap` at `position`, or nil.
    func output(_ position: Int, _ before: Int, _ tap: Int, _ length: Int) -> Int? {
      let (index, rest) = (position + before - tap).quotientAndRemainder(dividingBy: stride)
      return rest == 0 && index >= 0 && index < length ? index : nil
    }
    for row in rows {
      let (image, pixel) = row.quotientAndRemainder(dividingBy: height * width)
      let (y, x) = pixel.quotientAndRemainder(dividingBy: width)
      for ky in 0..<kernelHeight {
        let oy = output(y, top, ky, outHeight)
        for kx in 0..<kernelWidth {
          let at = (ky * kernelWidth + kx) * rows.count + row - rows.lowerBound
          if let oy, let ox = output(x, left, kx, outWidth) {
            places[at] = dy + ((image * outHeight + oy) * outWidth + ox) * outputs
          } else {
            places[at] = zeros
          }
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
}
