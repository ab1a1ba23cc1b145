import Kernels
import Synchronization
import Testing

@Suite struct CancellationTests {
  @Test func loopsStopWhereTheyAre() {
    for count in [1, 1000] {
      let runs = Atomic<Int>(0)
      ThreadPool.$cancellation.withValue(Cancellation { runs.load(ordering: .relaxed) >= 5 }) {
        ThreadPool.shared.forEach(count) { _ in runs.wrappingAdd(1, ordering: .relaxed) }
      }
      // Each thread may be past its question when the fifth iteration ends.
      #expect(runs.load(ordering: .relaxed) <= 5 + ThreadPool.shared.threads)
    }
  }

  @Test func otherThreadsAreNotConcerned() {
    let runs = Atomic<Int>(0)
    ThreadPool.$cancellation.withValue(Cancellation { true }) {
      ThreadPool.shared.forEach(100) { _ in runs.wrappingAdd(1, ordering: .relaxed) }
    }
    #expect(runs.load(ordering: .relaxed) == 0)
    ThreadPool.shared.forEach(100) { _ in runs.wrappingAdd(1, ordering: .relaxed) }
    #expect(runs.load(ordering: .relaxed) == 100)
  }
}
