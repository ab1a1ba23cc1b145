import CKernels

/// A convolution over three neighbouring frames by Winograd's F(2, 3): four products for two frames in place of six.
///
/// x: (clips, frames, pixels, inputs) -> y: (clips, frames, pixels, outputs), a frame of zeros before and behind.
struct TemporalWinograd {
  private let clips, frames, pixels, inputs, outputs: Int

  /// nil where sums of products are faster or asked for.
  init?(_ convolution: TemporalConvolution, inputs: Int, outputs: Int) {
    (clips, frames, pixels) = (convolution.clips, convolution.frames, convolution.positions)
    (self.inputs, self.outputs) = (inputs, outputs)
    // Half of the last pair may be empty; transforming the weights must pay.
    let isFilled = 40 * ((frames + 1) / 2) <= 27 * frames
    guard ConvolutionMethod.current != .direct, Arithmetic.current == .float32, isFilled,
      clips * frames * pixels >= 256, inputs % 16 == 0, outputs % 16 == 0
    else { return nil }
  }

  /// - Parameters:
  ///   - weight: 3 taps of (inputs, outputs), one behind the other
  ///   - flipped: whether the taps are taken in the opposite order, as in the gradient
  func callAsFunction(
    _ x: UnsafePointer<Float>, _ weight: mtk_matrix, flipped: Bool, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    withScratch(4 * mtk_packed_size(1, inputs, outputs, 0)) { packed in
      pack(weight, flipped: flipped, packed)
      let plan = mtk_temporal(
        x: x, frames: frames, pixels: pixels, inputs: inputs, outputs: outputs, packed: UnsafePointer(packed),
        bias: bias,
        y: y)
      let places = clips * ((frames + 1) / 2) * pixels
      let jobs = 4 * ThreadPool.shared.threads
      let unit = mtk_row_chunk() / 4
      let share = ((places + jobs - 1) / jobs + unit - 1) / unit * unit
      let size = min(share, 8 * mtk_temporal_rows(inputs, outputs))
      let scratch = mtk_temporal_scratch(inputs, outputs)
      ThreadPool.shared.forEach((places + size - 1) / size, scratch: scratch) { job, scratch in
        var plan = plan
        mtk_temporal_product(&plan, job * size, min(size, places - job * size), scratch)
      }
    }
  }

  /// The first tap, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2 and the last tap as four operands.
  private func pack(_ weight: mtk_matrix, flipped: Bool, _ packed: UnsafeMutablePointer<Float>) {
    let size = inputs * outputs
    withScratch(2 * size) { sums in
      ThreadPool.shared.forRanges(size, grain: 32_768) { range in
        var weight = weight
        mtk_temporal_weights(&weight, range.lowerBound, range.count, sums, sums + size)
      }
      var first = weight
      first.taps = 1
      var operands = [first, first, first, first]
      operands[flipped ? 0 : 3].base = weight.base + 2 * size * (weight.element == MTK_FLOAT32 ? 4 : 2)
      for (index, base) in [(1, sums), (2, sums + size)] {
        operands[index].base = UnsafeRawPointer(base)
        operands[index].element = MTK_FLOAT32
      }
      let one = mtk_packed_size(1, inputs, outputs, 0)
      let panels = (outputs + mtk_panel_columns() - 1) / mtk_panel_columns()
      ThreadPool.shared.forRanges(4 * panels, grain: max(1, 65_536 / (inputs * mtk_panel_columns()))) { range in
        for index in range {
          var operand = operands[index / panels]
          mtk_pack(&operand, 0, 0, index % panels, 1, packed + index / panels * one)
        }
      }
    }
  }
}
