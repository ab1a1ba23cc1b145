import Tensors

/// Removal of the reference's appearance from motion values (F, S, C).
enum Debias {
  /// nil: the values are left out.
  static func apply(_ mode: DebiasMode, firstFrame: FirstFrame, _ values: Tensor) -> Tensor? {
    let frames = values.shape[0]
    switch mode {
    case .none: return values
    case .camera: return nil
    case .normalize: return values - mean(values)
    case .auto, .difference:
      // eq. 5: differences of neighbours behind the first frame
      var first = values.sliced(axis: 0, 0..<1)
      switch firstFrame {
      case .kept: break
      case .zeroed: first = Tensor.zeros(first.shape)
      case .meanSubtracted: first = first - mean(values)
      }
      guard frames > 1 else { return first }
      let difference = values.sliced(axis: 0, 1..<frames) - values.sliced(axis: 0, 0..<frames - 1)
      return Tensor.concatenated([first, difference], axis: 0)
    }
  }

  /// Over the frames, (1, S, C).
  private static func mean(_ values: Tensor) -> Tensor {
    let frames = values.shape[0]
    var sum = values.sliced(axis: 0, 0..<1)
    for frame in 1..<max(frames, 1) { sum = sum + values.sliced(axis: 0, frame..<frame + 1) }
    return sum * (1 / Float(frames))
  }
}
