import Kernels
import Layers
import Synchronization
import Tensors
import Testing

@testable import MotionTransfer

/// Memory options that are chosen from a budget.
@Suite(.serialized) struct MemoryBudgetTests {
  private static let model = "\(Golden.folder)/tiny-zeroscope"

  /// What is chosen for an eight-frame job: the place among the combinations; nil where none fits.
  private struct Chooser {
    let pipeline: TextToVideoPipeline
    let options: Options
    let clip: Clip
    let isLearning: Bool

    init(learning: Bool) throws {
      pipeline = try TextToVideoPipeline(try ModelDescription(model), Job())
      var options = Options()
      (options.prompt, options.numFrames, options.width, options.height) = ("a fox", 8, 128, 128)
      (options.inversionSteps, options.ddimInversionSteps, options.sites) = (6, 2, "all")
      self.options = options
      clip = Clip(frames: 8, height: 128, width: 128, pixels: [UInt8](repeating: 90, count: 8 * 128 * 128 * 3))
      isLearning = learning
    }

    func callAsFunction(_ budget: Int) throws -> MemoryOptions {
      var options = options
      options.memory.budget = budget
      let settings = try Settings(options, pipeline.description)
      return try pipeline.memoryOptions(settings, besides: 0, isLearning: isLearning, Job()) { settings, job in
        if isLearning {
          _ = try pipeline.learn([Reference(clip, prompt: nil)], settings, job)
        } else {
          var generator = TorchGenerator(seed: 0)
          let start = pipeline.noise(settings.geometry, using: &generator)
          let latents = try pipeline.sample(start, settings, adapters: .none, using: &generator, job)
          _ = try pipeline.decode(latents, job, tiled: settings.memory.vaeTiling)
        }
      }
    }
  }

  @Test(arguments: [false, true]) func smallerBudgetsChooseMoreAndTooSmallOnesAreRefused(learning: Bool) throws {
    let chooser = try Chooser(learning: learning)
    func place(_ budget: Int) throws -> Int? {
      do {
        var chosen = try chooser(budget)
        chosen.budget = nil
        return MemoryOptions().combinations(learning: learning).firstIndex(of: chosen)
      } catch let error as MotionTransferError {
        #expect(error.kind == .noSpace && error.message.hasPrefix("memory-budget: found"))
        #expect(error.message.contains("expected at least") && error.message.contains("context-length"))
        return nil
      }
    }
    #expect(try place(1 << 32) == 0)
    #expect(try place(25 << 20) == nil)
    func least(_ isEnough: (Int) throws -> Bool) rethrows -> Int {
      var (low, high) = (25 << 20, 1 << 28)
      while high - low > 1 << 14 {
        let middle = (low + high) / 2
        if try isEnough(middle) { high = middle } else { low = middle }
      }
      return high
    }
    let (frugal, plain) = (try least { try place($0) != nil }, try least { try place($0) == 0 })
    let places = try (0...8).map { try #require(try place(frugal + (plain - frugal) * $0 / 8)) }
    #expect(places.last == 0 && Set(places).count >= (learning ? 3 : 2), "\(places)")
    #expect(zip(places, places.dropFirst()).allSatisfy { $0 >= $1 }, "\(places)")
  }

  /// The same job in a pool of its own, with its arithmetic.
  @Test(arguments: [false, true]) func rehearsalsCountWhatJobsHold(recomputes: Bool) throws {
    let chooser = try Chooser(learning: true)
    var options = chooser.options
    options.inversionSteps = 3
    options.memory.gradientCheckpointing = recomputes
    let settings = try Settings(options, chooser.pipeline.description)
    func learn() throws {
      _ = try chooser.pipeline.learn([Reference(chooser.clip, prompt: nil)], settings, Job())
    }
    let rehearsed = try rehearsedMemory { _ in try learn() }
    let pool = MemoryPool()
    try MemoryPool.$standIn.withValue(pool) { try learn() }
    let held = pool.statistics.held
    // Apart from the smallest scratch memory of loops.
    #expect(held > 1 << 20 && abs(rehearsed - held) < held / 50, "\(held), \(rehearsed)")
  }

  @Test func resultsAreThoseOfTheChosenOptions() throws {
    let engine = try MotionTransferEngine(model: Self.model)
    var options = Options()
    (options.prompt, options.numFrames, options.width, options.height) = ("a fox", 8, 64, 64)
    options.numInferenceSteps = 3
    let free = try engine.generate(options, embedding: nil)
    let notes = Mutex<[String]>([])
    options.memory.budget = 1 << 32
    let job = Job(note: { note in notes.withLock { $0.append(note) } })
    #expect(try engine.generate(options, embedding: nil, job: job) == free)
    #expect(notes.withLock { $0.count == 1 && $0[0].contains("no memory option") })
    options.memory.budget = 1 << 16
    #expect(throws: MotionTransferError.self) { try MotionTransferEngine.geometry(model: Self.model, options) }
  }

  @Test func budgetsAreReadWithLetters() throws {
    for (text, bytes) in [("1048576", 1 << 20), ("600M", 600 << 20), ("1.5G", 3 << 29), ("2T", 2 << 40)] {
      #expect(MemoryOptions.bytes(text) == bytes)
      var options = Options()
      try options.set("memory-budget", text)
      #expect(options.memory.budget == bytes)
    }
    for text in ["", "M", "-1G", "0", "nan", "4X", "1e300", "1000000000T"] { #expect(MemoryOptions.bytes(text) == nil) }
    var options = Options()
    #expect(throws: MotionTransferError.self) { try options.set("memory-budget", "much") }
  }
}
