/// Convolution over three neighbouring frames, kernel (3, 1, 1), zero padding in time: three shifted matrix
/// products over contiguous frames.
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

  /// y = x * weight + bias
  public func forward(
    _ x: UnsafePointer<Float>, _ weight: WeightMatrix, _ bias: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>
  ) {
    weight.withFloats { w in
      forEachPiece { clip, piece in
        let out = y + (clip * frames + piece.lowerBound) * positions * outputs
        let rows = piece.count * positions
        if let bias {
          for row in 0..<rows { (out + row * outputs).update(from: bias, count: outputs) }
        } else {
          out.update(repeating: 0, count: rows * outputs)
        }
        for tap in 0..<3 {
          accumulate(
            clip, piece, shift: tap - 1, x, inputs,
            GEMM.Operand(w + tap * outputs * inputs, stride: inputs, transposed: true), y, outputs)
        }
      }
    }
  }

  /// dx from dy: the same products with the taps in opposite directions.
  public func inputGradient(
    _ dy: UnsafePointer<Float>, _ weight: WeightMatrix, _ dx: UnsafeMutablePointer<Float>
  ) {
    weight.withFloats { w in
      forEachPiece { clip, piece in
        let start = (clip * frames + piece.lowerBound) * positions * inputs
        (dx + start).update(repeating: 0, count: piece.count * positions * inputs)
        for tap in 0..<3 {
          accumulate(
            clip, piece, shift: 1 - tap, dy, outputs,
            GEMM.Operand(w + tap * outputs * inputs, stride: inputs), dx, inputs)
        }
      }
    }
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

  /// Pieces of consecutive frames of one clip, about two per thread.
  private func forEachPiece(_ body: (_ clip: Int, _ frames: Range<Int>) -> Void) {
    let wanted = max(1, 2 * ThreadPool.shared.threads / clips)
    let size = max(1, (frames + wanted - 1) / wanted)
    let perClip = (frames + size - 1) / size
    GEMM.forEach(clips * perClip) { job in
      let first = job % perClip * size
      body(job / perClip, first..<min(frames, first + size))
    }
  }

  /// y[f] += x[f + shift] · operand for the frames of `piece` whose neighbour exists.
  private func accumulate(
    _ clip: Int, _ piece: Range<Int>, shift: Int, _ x: UnsafePointer<Float>, _ width: Int,
    _ operand: GEMM.Operand, _ y: UnsafeMutablePointer<Float>, _ outWidth: Int
  ) {
    let first = max(piece.lowerBound, -shift)
    let end = min(piece.upperBound, frames - shift)
    guard first < end else { return }
    GEMM.serial(
      (end - first) * positions, outWidth, width,
      GEMM.Operand(x + (clip * frames + first + shift) * positions * width, stride: width), operand, keep: 1,
      y + (clip * frames + first) * positions * outWidth, stride: outWidth)
  }
}
