import Tensors
import Testing

/// Every pullback against finite differences, at odd sizes too.
@Suite struct GradientTests {
  @Test func broadcastingArithmetic() throws {
    try checkGradients([[2, 3, 5], [3, 1]]) { $0[0] + $0[1] }
    try checkGradients([[2, 3, 5], [5]]) { $0[0] - $0[1] }
    try checkGradients([[1, 3, 1], [2, 1, 5]]) { $0[0] * $0[1] }
    try checkGradients([[4], []]) { $0[0] * $0[1] }
    try checkGradients([[7]]) { 3 * $0[0] + 2 }
    try checkGradients([[3, 7], [3, 7]]) { $0[0].meanSquaredError($0[1]) }
    try checkGradients([[3, 7]]) { $0[0].square().mean() }
  }

  @Test func activations() throws {
    try checkGradients([[3, 37]]) { $0[0].silu() }
    try checkGradients([[3, 37]]) { $0[0].gelu() }
    try checkGradients([[3, 37]]) { $0[0].quickGelu() }
    try checkGradients([[3, 38]]) { $0[0].geglu() }
    try checkGradients([[5]]) { $0[0].abs() }
  }

  @Test func linear() throws {
    try checkGradients([[2, 3, 5], [7, 5], [7]]) { $0[0].linear($0[1], $0[2]) }
    try checkGradients([[33, 17], [19, 17]]) { $0[0].linear($0[1], nil) }
  }

  @Test(arguments: [(3, 1, 1), (3, 2, 1), (1, 1, 0), (3, 2, 0)])
  func convolution(kernel: Int, stride: Int, padding: Int) throws {
    try checkGradients([[2, 7, 5, 3], [4, kernel, kernel, 3], [4]]) {
      $0[0].conv2d($0[1], $0[2], stride: stride, padding: .same(padding))
    }
  }

  @Test func convolutionWithUnevenPadding() throws {
    try checkGradients([[3, 6, 5, 2], [3, 3, 3, 2], [3]]) {
      $0[0].conv2d($0[1], $0[2], stride: 2, padding: Padding(top: 0, left: 0, bottom: 1, right: 1))
    }
  }

  @Test(arguments: [1, 2, 5]) func temporalConvolution(frames: Int) throws {
    try checkGradients([[2, frames, 6, 3], [3, 4, 3], [4]]) { $0[0].temporalConv($0[1], $0[2]) }
  }

  @Test(arguments: [false, true]) func groupNorm(silu: Bool) throws {
    try checkGradients([[2, 5, 7, 12], [12], [12]]) {
      $0[0].groupNorm(groups: 3, $0[1], $0[2], epsilon: 1e-5, silu: silu)
    }
  }

  @Test func layerNorm() throws {
    try checkGradients([[3, 5, 18], [18], [18]]) { $0[0].layerNorm($0[1], $0[2], epsilon: 1e-5) }
  }

  @Test func attention() throws {
    try checkGradients([[4, 5, 6], [2, 7, 6], [2, 7, 6]]) { Tensor.attention($0[0], $0[1], $0[2], heads: 2) }
    try checkGradients([[2, 6, 4], [2, 6, 4], [2, 6, 4]]) {
      Tensor.attention($0[0], $0[1], $0[2], heads: 1, causal: true)
    }
    try checkGradients([[2, 5, 3, 8], [2, 5, 3, 8], [2, 5, 3, 8]]) {
      Tensor.temporalAttention($0[0], $0[1], $0[2], heads: 2)
    }
  }

  @Test func movement() throws {
    try checkGradients([[2, 3, 4]]) { $0[0].permuted([2, 0, 1]) }
    try checkGradients([[2, 3, 4]]) { $0[0].reshaped([6, -1]) }
    try checkGradients([[2, 5, 4]]) { $0[0].sliced(axis: 1, 1..<4) }
    try checkGradients([[5, 4]]) { $0[0].sliced(axis: 0, 2..<3) }
    try checkGradients([[2, 3], [2, 5]]) { Tensor.concatenated($0, axis: 1) }
    try checkGradients([[2, 3, 3, 2]]) { $0[0].upsampledNearest(height: 7, width: 6) }
    try checkGradients([[6, 3]]) { $0[0].gatherRows([5, 0, 5, 2]) }
  }

  @Test func recomputedPiecesGiveTheSameGradients() throws {
    var generator = TorchGenerator(seed: 3)
    let (x, w) = (generator.randn([4, 6]), generator.randn([6, 6]))
    let plain = try valueAndGradients(of: [x, w]) { leaves in
      leaves[0].linear(leaves[1], nil).silu().linear(leaves[1], nil).sum()
    }
    let recomputed = try valueAndGradients(of: [x, w]) { leaves in
      checkpointed(leaves[0]) { $0.linear(leaves[1], nil).silu() }.linear(leaves[1], nil).sum()
    }
    #expect(plain.value.item == recomputed.value.item)
    for (a, b) in zip(plain.gradients, recomputed.gradients) {
      for (p, q) in zip(a.toArray(), b.toArray()) { #expect(abs(p - q) <= 1e-5 * max(1, abs(p))) }
    }
  }

  @Test(arguments: [1, 5, 250], [true, false]) func gatedLinearLayerWithFrozenWeights(rows: Int, hasBias: Bool) throws {
    var generator = TorchGenerator(seed: 4)
    let (x, w, b) = (generator.randn([rows, 24]), generator.randn([2 * 19, 24]), generator.randn([2 * 19]))
    let bias = hasBias ? b : nil
    let mask = generator.randn([rows, 19])
    let plain = try valueAndGradients(of: [x]) { ($0[0].linear(w, bias).geglu() * mask).sum() }
    let fused = try valueAndGradients(of: [x]) { ($0[0].linearGEGLU(w, bias) * mask).sum() }
    for (p, q) in zip(plain.gradients[0].toArray(), fused.gradients[0].toArray()) {
      #expect(abs(p - q) <= 2e-5 * max(1, abs(p)))
    }
    // Each row is a matter of its own, however rows are spread over threads.
    let first = try valueAndGradients(of: [x.sliced(axis: 0, 0..<1)]) { leaves in
      (leaves[0].linearGEGLU(w, bias) * mask.sliced(axis: 0, 0..<1)).sum()
    }
    #expect(first.gradients[0].toArray() == Array(fused.gradients[0].toArray().prefix(24)))
  }

  @Test func sharedGradientsAreNotOverwritten() throws {
    // y = x + x: one gradient, handed to both; a third is added to it.
    let (_, gradients) = try valueAndGradients(of: [Tensor([1, 2], shape: [2]), Tensor([3, 4], shape: [2])]) { leaves in
      let both = leaves[0] + leaves[1]
      return (both + leaves[0] * 2 + leaves[0]).sum()
    }
    #expect(gradients[0].toArray() == [4, 4] && gradients[1].toArray() == [1, 1])
  }

  @Test func errorsInRecomputedPiecesSurface() throws {
    struct Stop: Error {}
    nonisolated(unsafe) var calls = 0
    #expect(throws: Stop.self) {
      _ = try valueAndGradients(of: [Tensor.zeros([2])]) { leaves in
        try checkpointed(leaves[0]) { x in
          calls += 1
          if calls == 2 { throw Stop() }
          return x * 2
        }.sum()
      }
    }
  }

  @Test func aLeafThatIsNotUsedHasZeroGradient() throws {
    let (_, gradients) = try valueAndGradients(of: [Tensor.zeros([2]), Tensor.zeros([3])]) { $0[0].sum() }
    #expect(gradients[0].toArray() == [1, 1])
    #expect(gradients[1].toArray() == [0, 0, 0])
  }

  @Test func nothingIsRecordedWithoutLeaves() {
    let x = Tensor.zeros([2, 2])
    #expect(!x.linear(x, nil).silu().requiresGradient)
    #expect(!withoutGradients { (x.asParameter() * 2).requiresGradient })
  }
}
