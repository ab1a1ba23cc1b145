import Kernels
import Tensors
import Testing

@Suite(.serialized) struct MemoryTests {
  @Test func laterStepsAllocateNothing() {
    func step() -> Float {
      let x = Tensor.filled([4, 16, 16, 32], 0.5)
      let w = Tensor.filled([32, 3, 3, 32], 0.01)
      return x.conv2d(w, nil).silu().conv2d(w, nil).mean().item
    }
    _ = step()
    // Other suites use the same pool at the same time, so some steps may see their allocations; a step with
    // allocations of its own would never see none.
    let quietSteps = (0..<50).filter { _ in
      let before = MemoryPool.shared.statistics.allocations
      _ = step()
      return MemoryPool.shared.statistics.allocations == before
    }
    #expect(!quietSteps.isEmpty)
  }

  @Test func sizesAreRoundedByAnEighthAtMost() {
    for bytes in [1, 63, 64, 513, 1000, 4097, 1_000_000, 123_456_789] {
      let block = MemoryPool.shared.allocate(bytes: bytes)
      block.release()
      #expect(UInt(bitPattern: block.base) % 64 == 0)
    }
  }

  @Test func halfPrecisionWeightsWiden() {
    // 1, -2, 0.5, smallest subnormal, infinity in float16
    let bits: [UInt16] = [0x3c00, 0xc000, 0x3800, 0x0001, 0x7c00]
    final class Owner: Sendable {}
    let values = bits.withUnsafeBytes { raw in
      Tensor(mapped: raw.baseAddress!, dtype: .float16, shape: [5], owner: Owner()).toArray()
    }
    #expect(values == [1, -2, 0.5, 0x1p-24, .infinity])
  }

  @Test func halfPrecisionProductsEqualWidenedOnes() {
    var generator = TorchGenerator(seed: 5)
    let x = generator.randn([300, 700])
    let bits = generator.randn([900, 700]).toArray().map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
    final class Owner: Sendable {}
    bits.withUnsafeBytes { raw in
      let w = Tensor(mapped: raw.baseAddress!, dtype: .bfloat16, shape: [900, 700], owner: Owner())
      let (half, full) = (x.linear(w, nil).toArray(), x.linear(w.widened(), nil).toArray())
      for (a, b) in zip(half, full) { #expect(abs(a - b) < 1e-3) }
    }
  }
}
