import Dispatch
import Kernels
import Synchronization
import Testing

@Suite struct ThreadPoolTests {
  @Test func everyIterationRunsOnce() {
    for count in [0, 1, 2, 7, 1000] {
      let sums = Atomic<Int>(0)
      ThreadPool.shared.forEach(count) { sums.wrappingAdd($0 + 1, ordering: .relaxed) }
      #expect(sums.load(ordering: .relaxed) == count * (count + 1) / 2)
    }
  }

  @Test func nestedLoopsRunToTheirEnd() {
    let total = Atomic<Int>(0)
    ThreadPool.shared.forEach(8) { _ in
      ThreadPool.shared.forEach(16) { _ in total.wrappingAdd(1, ordering: .relaxed) }
    }
    #expect(total.load(ordering: .relaxed) == 128)
  }

  @Test func rangesCoverEverythingOnce() {
    let seen = Guarded([Int](repeating: 0, count: 1003))
    ThreadPool.shared.forRanges(1003, grain: 10) { range in seen.locked { for i in range { $0[i] += 1 } } }
    seen.locked { #expect($0.allSatisfy { $0 == 1 }) }
  }

  @Test func manyShortLoops() {
    let total = Atomic<Int>(0)
    for _ in 0..<20_000 { ThreadPool.shared.forEach(3) { _ in total.wrappingAdd(1, ordering: .relaxed) } }
    #expect(total.load(ordering: .relaxed) == 60_000)
  }

  /// A worker that is late for one thread's loop meets another's: it must see all of it.
  @Test func shortLoopsFromSeveralThreads() {
    let total = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      for round in 0..<20_000 {
        ThreadPool.shared.forEach(3) { total.wrappingAdd($0 + round % 2, ordering: .relaxed) }
      }
    }
    #expect(total.load(ordering: .relaxed) == 4 * (20_000 * 3 + 10_000 * 3))
  }
}

@Suite struct GEMMTests {
  @Test(arguments: [(1, 1, 1), (3, 5, 7), (64, 200, 33), (500, 17, 90), (2, 3000, 40)])
  func productsEqualNaiveLoops(m: Int, n: Int, k: Int) {
    let a = (0..<m * k).map { Float(($0 * 37) % 19) - 9 }
    let b = (0..<k * n).map { Float(($0 * 53) % 23) - 11 }
    for transposed in [false, true] {
      var c = [Float](repeating: 1, count: m * n)
      GEMM.multiply(
        m, n, k, GEMM.Operand(a, stride: transposed ? m : k, transposed: transposed),
        GEMM.Operand(b, stride: n), keep: 1, &c, stride: n)
      for i in 0..<m {
        for j in [0, n / 2, n - 1] {
          var sum: Float = 1
          for l in 0..<k { sum += (transposed ? a[l * m + i] : a[i * k + l]) * b[l * n + j] }
          #expect(c[i * n + j] == sum)
        }
      }
    }
  }
}
