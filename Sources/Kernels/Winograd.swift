import CKernels

/// How convolutions are computed: those of 3x3 pixels at stride 1, and those over three frames.
public enum ConvolutionMethod: String, Sendable, CaseIterable {
  /// Sums of products, as written.
  case direct
  /// Winograd's F(2x2, 3x3) and, over time, F(2, 3): 2.25 and 1.5 times fewer multiplications, rounding errors like those
  /// of `direct`.
  case winograd2
  /// F(4x4, 3x3) where the picture is large enough: 4 times fewer, about one decimal digit less.
  case winograd4

  /// The method of convolutions that the calling task starts.
  @TaskLocal public static var current = ConvolutionMethod.winograd2

  /// Side of the tiles for pictures of a size, or 0 for sums of products: transforming the weights must pay.
  fileprivate func side(images: Int, height: Int, width: Int) -> Int {
    let pixels = images * height * width
    func isFilled(_ side: Int) -> Bool {
      let tiles = ((height + side - 1) / side) * ((width + side - 1) / side)
      return 3 * height * width >= 2 * tiles * side * side
    }
    if self == .winograd4, pixels >= 1024, isFilled(4) { return 4 }
    return self != .direct && pixels >= 256 && isFilled(2) ? 2 : 0
  }
}

/// A 3x3 convolution at stride 1 with one row and column of zeros around the picture, by Winograd's minimal filtering:
/// weights are transformed and packed first, as many columns as stay in the cache, then tiles in chunks that do.
///
/// x: (images, height, width, inputs) -> y: (images, height, width, outputs).
struct Winograd {
  let side, images, height, width, inputs, outputs: Int

  /// nil where sums of products are faster or asked for.
  init?(images: Int, height: Int, width: Int, inputs: Int, outputs: Int) {
    side = ConvolutionMethod.current.side(images: images, height: height, width: width)
    guard Arithmetic.current == .float32, side > 0, inputs % 16 == 0, outputs % 16 == 0 else { return nil }
    self.images = images
    self.height = height
    self.width = width
    self.inputs = inputs
    self.outputs = outputs
  }

  /// - Parameters:
  ///   - weight: 9 taps of (inputs, outputs)
  ///   - flipped: whether the taps are taken in the opposite order, as in the gradient
  func callAsFunction(
    _ x: UnsafePointer<Float>, _ weight: mtk_matrix, flipped: Bool, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    for columns in weight.columnGroups(copies: (side + 2) * (side + 2)) {
      Winograd(self, outputs: columns.count)
        .part(
          x, weight.columns(columns), flipped: flipped, bias.map { $0 + columns.lowerBound }, y + columns.lowerBound,
          outputs)
    }
  }

  private init(_ whole: Winograd, outputs: Int) {
    (side, images, height, width) = (whole.side, whole.images, whole.height, whole.width)
    (inputs, self.outputs) = (whole.inputs, outputs)
  }

  /// All columns of `weight`, as y's first of `stride` channels.
  private func part(
    _ x: UnsafePointer<Float>, _ weight: mtk_matrix, flipped: Bool, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>, _ stride: Int
  ) {
    var weight = weight
    let elements = (side + 2) * (side + 2)
    withScratch(elements * mtk_packed_size(1, inputs, outputs, 0)) { packed in
      let panel = mtk_panel_columns()
      ThreadPool.shared.forRanges((outputs + panel - 1) / panel, grain: max(1, 8192 / (inputs * panel))) { range in
        let first = range.lowerBound * panel
        let count = min(outputs, range.upperBound * panel) - first
        withUnsafePointer(to: &weight) {
          mtk_winograd_weights($0, Int32(side), flipped ? 1 : 0, first, count, packed)
        }
      }
      let plan = mtk_winograd(
        side: Int32(side), x: x, height: height, width: width, inputs: inputs, outputs: outputs,
        packed: UnsafePointer(packed), bias: bias, y: y, y_stride: stride)
      let tiles = images * ((height + side - 1) / side) * ((width + side - 1) / side)
      let chunk = mtk_winograd_tiles(Int32(side), inputs, outputs)
      let share = (tiles + 4 * ThreadPool.shared.threads - 1) / (4 * ThreadPool.shared.threads)
      let size = min((share + chunk - 1) / chunk, 8) * chunk
      let scratch = mtk_winograd_scratch(Int32(side), inputs, outputs)
      ThreadPool.shared.forEach((tiles + size - 1) / size, scratch: scratch) { job, scratch in
        var plan = plan
        mtk_winograd_product(&plan, job * size, min(size, tiles - job * size), scratch)
      }
    }
  }
}
