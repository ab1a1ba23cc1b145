import Diffusion
import Glibc
import Layers
import Tensors

/// Overlapping windows over the frames of a clip that is longer than what the model takes at once.
struct FrameWindows: Sendable, Equatable {
  /// F
  let frames: Int
  /// In ascending order; together all frames.
  let ranges: [Range<Int>]

  /// Windows of `length` frames of which neighbours share at least `overlap`; the last ends with the clip.
  init(frames: Int, length: Int, overlap: Int) {
    self.frames = frames
    let length = min(length, frames)
    let starts = Array(stride(from: 0, to: frames - length, by: max(length - overlap, 1))) + [frames - length]
    ranges = starts.map { $0..<$0 + length }
  }

  /// Frames of one window.
  var length: Int { ranges[0].count }

  /// A window's weight at its i-th frame, sin² (i + ½) π / L: next to nothing where it begins and ends, so that no seam shows;
  /// the sum of windows that overlap by half is 1 everywhere.
  func weight(_ index: Int) -> Float {
    let sine = sin((Double(index) + 0.5) * .pi / Double(length))
    return Float(sine * sine)
  }

  /// The weighted mean of what `part` computes for each window, (B, F, h, w, C) from (B, length, h, w, C).
  func merged(_ part: (Range<Int>) throws -> Tensor) rethrows -> Tensor {
    guard ranges.count > 1 else { return try part(ranges[0]) }
    var sums = [Tensor?](repeating: nil, count: frames)
    var weights = [Float](repeating: 0, count: frames)
    for range in ranges {
      let part = try part(range)
      for (index, frame) in range.enumerated() {
        let one = part.sliced(axis: 1, index..<index + 1) * weight(index)
        sums[frame] = sums[frame].map { $0 + one } ?? one
        weights[frame] += weight(index)
      }
    }
    return Tensor.concatenated(zip(sums, weights).compactMap { sum, weight in sum.map { $0 * (1 / weight) } }, axis: 1)
  }
}

extension Adapters {
  /// The adapters of some of a clip's frames: each embedding's rows there.
  func within(_ range: Range<Int>) -> Adapters {
    func rows(_ tensor: Tensor?) -> Tensor? {
      tensor.map { $0.shape[0] == range.count ? $0 : $0.sliced(axis: 0, range) }
    }
    var result = self
    result.motion = motion.mapValues {
      TemporalMotion(queryKey: rows($0.queryKey), value1: rows($0.value1), value2: rows($0.value2))
    }
    return result
  }
}

extension TextToVideoPipeline {
  /// What the model says about a clip of any length.
  ///
  /// - Parameter motion: an embedding's, of any window of the clip
  func predict(
    _ latents: Tensor, timestep: Float, text: TextContext, _ windows: FrameWindows,
    motion: ((Range<Int>) -> [String: TemporalMotion])? = nil, _ context: Context
  ) throws -> Tensor {
    try windows.merged { range in
      var context = context
      if let motion { context.adapters.motion = motion(range) }
      return try unet(latents.sliced(axis: 1, range), timesteps: [timestep], text: text, context)
    }
  }
}
