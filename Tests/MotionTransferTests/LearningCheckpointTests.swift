import Checkpoints
import Layers
import Synchronization
import Tensors
import Testing

@testable import MotionTransfer

/// A learning that was interrupted goes on to the bytes of one that was not.
@Suite struct LearningCheckpointTests {
  private let engine: MotionTransferEngine
  private let reference: Clip

  init() throws {
    engine = try MotionTransferEngine(model: "\(Golden.folder)/tiny-zeroscope")
    reference = Clip(
      frames: 4, height: 16, width: 24, pixels: (0..<4 * 16 * 24 * 3).map { UInt8(truncatingIfNeeded: $0 * 7) })
  }

  private func options(_ checkpoint: String?) -> Options {
    var options = Options()
    options.referencePrompt = "a ball"
    (options.numFrames, options.width, options.height) = (4, 24, 16)
    options.sites = "all"
    options.inversionSteps = 6
    options.learningRate = 0.05
    options.ddimInversionSteps = 2
    options.seed = 5
    options.learningCheckpoint = checkpoint
    options.checkpointSeconds = 0
    return options
  }

  private func numbers(_ embedding: MotionEmbedding) -> [[Float]] {
    embedding.tensors.map { $0.tensor.toArray() } + embedding.lora.map { $0.pair.up.toArray() + $0.pair.down.toArray() }
      + embedding.differences.map { $0.tensor.toArray() }
  }

  @Test(arguments: [1, 3, 5], [Method.motionInversion, .motionDirector, .vmc, .synMotion])
  func interruptedLearningGoesOn(_ steps: Int, _ method: Method) throws {
    func options(_ checkpoint: String?) -> Options {
      var options = self.options(checkpoint)
      (options.method, options.rank) = (method, 4)
      if method == .motionInversion { options.loss = .hybrid }
      (options.motionPhrase, options.priorPrompts, options.priorShare) = ("ball", "a cat, running", 0.5)
      options.numInferenceSteps = 2
      return options
    }
    let expected = try engine.learn(reference, options(nil))
    try TemporaryFolder.with { folder in
      let path = "\(folder)/state"
      let done = Atomic<Int>(0)
      let interrupted = Job(
        isCancelled: { done.load(ordering: .relaxed) >= steps },
        progress: { if $0.stage == .learn { done.store($0.step, ordering: .relaxed) } })
      let error = #expect(throws: MotionTransferError.self) {
        try engine.learn(reference, options(path), job: interrupted)
      }
      #expect(error?.kind == .cancelled)
      let first = Mutex<Int?>(nil)
      let inversions = Atomic<Int>(0)
      let resumed = try engine.learn(
        reference, options(path),
        job: Job(progress: { progress in
          if progress.stage == .learn { first.withLock { $0 = $0 ?? progress.step } }
          if progress.stage == .invert { inversions.add(1, ordering: .relaxed) }
        }))
      #expect(first.withLock { $0 } == steps)
      #expect(inversions.load(ordering: .relaxed) == 0)
      #expect(numbers(resumed) == numbers(expected))
      #expect(resumed.metadata == expected.metadata)
    }
  }

  @Test func theCheckpointOfAnotherJobIsRefused() throws {
    try TemporaryFolder.with { folder in
      let path = "\(folder)/state"
      _ = try engine.learn(reference, options(path))
      var other = options(path)
      other.seed = 6
      let mismatch = #expect(throws: MotionTransferError.self) { try engine.learn(reference, other) }
      #expect(mismatch?.kind == .mismatch)
      #expect(mismatch?.message.contains("seed is 5, expected 6") ?? false)
      other = options(path)
      other.arithmetic = .bfloat16
      #expect(throws: MotionTransferError.self) { try engine.learn(reference, other) }
      try SafeTensorsWriter.write([("a", Tensor([1], shape: [1]))], to: path)
      #expect(throws: MotionTransferError.self) { try engine.learn(reference, options(path)) }
    }
  }
}
