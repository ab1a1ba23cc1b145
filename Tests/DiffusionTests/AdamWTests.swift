import Layers
import Tensors
import Testing

/// The optimiser against torch 2.13.
@Suite struct AdamWTests {
  static let gradients: [[Float]] = [[0.5, -1, 0], [0.1, 2, 1e-3], [-3, 0.25, 1]]
  /// `torch.optim.AdamW([p], lr=0.02)` from (1, -2, 3).
  static let values: [[Float]] = [
    [0.979800045, -1.97960007, 2.99940014], [0.963543296, -1.98652625, 2.98391771],
    [0.973868251, -1.99317431, 2.97053313],
  ]

  @Test func threeSteps() {
    let parameter = Tensor([1, -2, 3], shape: [3]).asParameter()
    var optimizer = AdamW(learningRate: 0.02)
    for (gradient, expected) in zip(Self.gradients, Self.values) {
      optimizer.step([parameter], [Tensor(gradient, shape: [3])])
      for (found, expected) in zip(parameter.toArray(), expected) { #expect(abs(found - expected) < 1e-6) }
    }
  }

  @Test func resumesWhereItWas() {
    let parameter = Tensor([1, -2, 3], shape: [3]).asParameter()
    var optimizer = AdamW(learningRate: 0.02)
    for (gradient, expected) in zip(Self.gradients, Self.values) {
      optimizer = AdamW(learningRate: 0.02, steps: optimizer.steps, moments: optimizer.moments)
      optimizer.step([parameter], [Tensor(gradient, shape: [3])])
      for (found, expected) in zip(parameter.toArray(), expected) { #expect(abs(found - expected) < 1e-6) }
    }
  }
}
