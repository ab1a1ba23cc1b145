import Tensors

extension Loss {
  /// Whether a step draws an anchor frame.
  var drawsAnchor: Bool { self == .debiased || self == .hybrid }

  /// The loss of a prediction.
  ///
  /// - Parameters:
  ///   - prediction: (1, F, h, w, C)
  ///   - target: of the same shape
  ///   - anchor: a frame, where the loss draws one
  func callAsFunction(_ prediction: Tensor, _ target: Tensor, anchor: Int) -> Tensor {
    switch self {
    case .base: return prediction.meanSquaredError(target)
    case .debiased, .hybrid:
      // φ(z)_f = sqrt(β² + 1) z_f - β z_anchor with β = 1 is linear, so φ acts on the error.
      let error = prediction - target
      let debiased = Float(2).squareRoot() * error - error.sliced(axis: 1, anchor..<anchor + 1)
      return error.square().mean() + debiased.square().mean()
    case .vmcPaper:
      let shape = [prediction.shape[1] - 1, -1]
      let cosines = differences(prediction).reshaped(shape)
        .cosineSimilarity(differences(target).reshaped(shape), axis: 1)
      return cosines.mean() * -1 + 1
    case .vmcCode:
      return differences(prediction).abs().cosineSimilarity(differences(target).abs(), axis: 1).mean() * -1 + 1
    }
  }

  /// δ_n = z_{n+1} - z_n, (1, F - 1, h, w, C)
  private func differences(_ z: Tensor) -> Tensor {
    let frames = z.shape[1]
    return z.sliced(axis: 1, 1..<frames) - z.sliced(axis: 1, 0..<frames - 1)
  }
}

extension TimestepSampling {
  /// One time step below `count`; one integer is drawn.
  func draw(below count: Int, using generator: inout TorchGenerator) -> Int {
    let drawn = generator.randint(below: count)
    switch self {
    case .uniform: return drawn
    case .cubic:
      let u = Double(drawn) / Double(count)
      return min(Int((1 - u * u * u) * Double(count)), count - 1)
    }
  }
}
