import Layers
import Tensors

/// Motion values (F, S, C) with the reference's appearance removed, for any window of frames.
///
/// Made of the learned values when a window is computed, so that a long clip's are not held twice.
struct Debias: Sendable {
  let mode: DebiasMode
  let firstFrame: FirstFrame
  let scale: Float
  private let values: Tensor
  /// Over all frames, (1, S, C); nil where it is not needed.
  private let mean: Tensor?

  init(_ values: Tensor, _ mode: DebiasMode, firstFrame: FirstFrame, scale: Float) {
    (self.values, self.mode, self.firstFrame, self.scale) = (values, mode, firstFrame, scale)
    let isDifference = mode == .difference || mode == .auto
    mean = mode == .normalize || isDifference && firstFrame == .meanSubtracted ? Self.mean(values) : nil
  }

  /// nil: the values are left out.
  func rows(_ range: Range<Int>) -> Tensor? {
    debiased(range).map { scale == 1 ? $0 : $0 * scale }
  }

  private func debiased(_ range: Range<Int>) -> Tensor? {
    let rows = values.sliced(axis: 0, range)
    switch mode {
    case .none: return rows
    case .camera: return nil
    case .normalize: return mean.map { rows - $0 }
    case .auto, .difference:
      // eq. 5: differences of neighbours behind the first frame
      guard range.lowerBound == 0 else { return difference(range) }
      var first = values.sliced(axis: 0, 0..<1)
      switch firstFrame {
      case .kept: break
      case .zeroed: first = Tensor.zeros(first.shape)
      case .meanSubtracted: first = mean.map { first - $0 } ?? first
      }
      return range.count > 1 ? Tensor.concatenated([first, difference(1..<range.upperBound)], axis: 0) : first
    }
  }

  private func difference(_ range: Range<Int>) -> Tensor {
    values.sliced(axis: 0, range) - values.sliced(axis: 0, range.lowerBound - 1..<range.upperBound - 1)
  }

  private static func mean(_ values: Tensor) -> Tensor {
    let frames = values.shape[0]
    var sum = values.sliced(axis: 0, 0..<1)
    for frame in 1..<max(frames, 1) { sum = sum + values.sliced(axis: 0, frame..<frame + 1) }
    return sum * (1 / Float(frames))
  }
}

/// An embedding as the model adds it: values debiased, everything scaled.
struct DebiasedMotion: Sendable {
  private let blocks: [String: (queryKey: Tensor?, value1: Debias?, value2: Debias?)]
  private let queryKeyScale: Float

  init(
    _ embedding: MotionEmbedding, _ mode: DebiasMode, firstFrame: FirstFrame = .kept, queryKeyScale: Float = 1,
    valueScale: Float = 1
  ) {
    self.queryKeyScale = queryKeyScale
    blocks = embedding.blocks.mapValues { block in
      func value(_ tensor: Tensor?) -> Debias? {
        tensor.map { Debias($0, mode, firstFrame: firstFrame, scale: valueScale) }
      }
      return (block.queryKey, value(block.value1), value(block.value2))
    }
  }

  /// The motion of some of the clip's frames.
  func rows(_ range: Range<Int>) -> [String: TemporalMotion] {
    blocks.mapValues { block in
      let queryKey = block.queryKey?.sliced(axis: 0, range)
      return TemporalMotion(
        queryKey: queryKey.map { queryKeyScale == 1 ? $0 : $0 * queryKeyScale },
        value1: block.value1?.rows(range), value2: block.value2?.rows(range))
    }
  }
}
