import Diffusion
import Tensors

extension TextToVideoPipeline {
  /// The program itself, its libraries, and what is not worth counting.
  static let programBytes = 24 << 20

  /// The settings' memory options with as many more as keep their budget, the fastest that do; as they are where there is
  /// no budget.
  ///
  /// Each combination is rehearsed, from the weights' bytes on: the job runs without its arithmetic, and its memory is
  /// counted.
  /// - Parameters:
  ///   - besides: bytes that the caller holds: frames, an embedding
  ///   - isLearning: whether gradients are computed
  ///   - body: the job
  /// - Throws: `noSpace` where no combination keeps the budget; what `body` throws
  func memoryOptions(
    _ settings: Settings, besides: Int, isLearning: Bool, _ job: Job, _ body: (Settings, Job) throws -> Void
  ) throws -> MemoryOptions {
    guard let budget = settings.memory.budget else { return settings.memory }
    // What earlier jobs left would come on top.
    Machine.releaseMemory()
    let fixed = Self.programBytes + weightBytes + besides
    var trial = settings.rehearsal
    let combinations = settings.memory.combinations(learning: isLearning)
    for options in combinations {
      trial.memory = options
      let needed = fixed + (try rehearsed(trial, limit: budget - fixed, job, body))
      if needed <= budget {
        job.note("memory-budget \(mebibytes(budget)): \(options.summary), takes about \(mebibytes(needed))")
        return options
      }
    }
    var least = (bytes: Int.max, options: settings.memory)
    for options in combinations.reversed() {
      trial.memory = options
      let bytes = try rehearsed(trial, limit: least.bytes, job, body)
      if bytes < least.bytes { least = (bytes, options) }
    }
    throw Self.tooLittle(budget, fixed + least.bytes, least.options, settings.geometry)
  }

  /// Bytes of the tensors of a job that is run without arithmetic; some number above `limit` where they are more.
  private func rehearsed(
    _ settings: Settings, limit: Int, _ job: Job, _ body: (Settings, Job) throws -> Void
  ) throws -> Int {
    try rehearsedMemory { held in
      let trial = Job(isCancelled: { job.isCancelled() || held() > limit })
      do {
        try body(settings, trial)
      } catch let error as MotionTransferError where error.kind == .cancelled {
        try job.check()
      }
    }
  }

  private static func tooLittle(
    _ budget: Int, _ needed: Int, _ options: MemoryOptions, _ geometry: Geometry
  ) -> MotionTransferError {
    MotionTransferError(
      .noSpace,
      "memory-budget: found \(mebibytes(budget)), expected at least \(mebibytes(needed)), which \(geometry.numFrames) frames "
        + "of \(geometry.width)x\(geometry.height) take with \(options.summary); make the clip smaller or shorter, let the "
        + "model see fewer frames at once (context-length), or raise the budget")
  }
}

/// For messages; rounded up.
func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }

extension Settings {
  /// The same job with as few steps as take all of its memory.
  fileprivate var rehearsal: Settings {
    var few = self
    // Hybrid losses leave out the appearance in some steps; samplers remember up to four predictions.
    few.inversionSteps = min(inversionSteps, 4)
    few.ddimInversionSteps = min(ddimInversionSteps, 2)
    few.priorPrompts = Array(priorPrompts.prefix(1))
    few.applyRange = 0...1
    var sampler = scheduler
    if numInferenceSteps > 5, (try? sampler.setTimesteps(5)) != nil { few.scheduler = sampler }
    return few
  }
}
