/// Convolution over three neighbouring frames, kernel (3, 1, 1), zero padding in time: a convolution of height 3 over
/// pictures whose rows are the frames.
///
/// x: (B, F, P, I); weight: (3, O, I) as a matrix (3·O, I); y: (B, F, P, O).
public struct TemporalConvolution {
  let clips, frames, positions, inputs, outputs: Int

  /// Describes a temporal convolution; all sizes are validated by the caller.
  public init(clips: Int, frames: Int, positions: Int, inputs: Int, outputs: Int) {
    self.clips = clips
    self.frames = frames
    self.positions = positions
    self.inputs = inputs
    self.outputs = outputs
  }

  private var convolution: Convolution {
    Convolution(clips: clips, frames: frames, positions: positions, inputs: inputs, outputs: outputs)
  }

  /// y = x * weight + bias
  public func forward(
    _ x: UnsafePointer<Float>, _ weight: WeightMatrix, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    if let fast = TemporalWinograd(self, inputs: inputs, outputs: outputs) {
      let operand = weight.operand(
        taps: 3, depth: inputs, columns: outputs, tapStride: outputs * inputs, depthStride: 1, columnStride: inputs)
      return fast(x, operand, flipped: false, bias, y)
    }
    convolution.forward(x, weight, bias, y)
  }

  /// dx from dy.
  public func inputGradient(
    _ dy: UnsafePointer<Float>, _ weight: WeightMatrix, _ dx: UnsafeMutablePointer<Float>
  ) {
    if let fast = TemporalWinograd(self, inputs: outputs, outputs: inputs) {
      let operand = weight.operand(
        taps: 3, depth: outputs, columns: inputs, tapStride: outputs * inputs, depthStride: inputs, columnStride: 1)
      return fast(dy, operand, flipped: true, nil, dx)
    }
    convolution.inputGradient(dy, weight, dx)
  }

  /// dweight (3, O, I) from x and dy, overwritten.
  public func weightGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dweight: UnsafeMutablePointer<Float>
  ) {
    let parts = ThreadPool.shared.threads > 1 ? 2 : 1
    let share = (outputs + parts - 1) / parts
    dweight.update(repeating: 0, count: 3 * outputs * inputs)
    GEMM.forEach(3 * parts) { job in
      let (tap, part) = (job / parts, job % parts)
      let first = part * share
      let count = min(share, outputs - first)
      guard count > 0 else { return }
      let from = max(0, 1 - tap)
      let rows = (frames - abs(tap - 1)) * positions
      guard rows > 0 else { return }
      for clip in 0..<clips {
        let dyStart = (clip * frames + from) * positions * outputs + first
        let xStart = (clip * frames + from + tap - 1) * positions * inputs
        GEMM.serial(
          count, inputs, rows, GEMM.Operand(dy + dyStart, stride: outputs, transposed: true),
          GEMM.Operand(x + xStart, stride: inputs), keep: 1,
          dweight + (tap * outputs + first) * inputs, stride: inputs)
      }
    }
  }
}
