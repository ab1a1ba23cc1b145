// The real engine behind the element: MotionTransferEngine, unchanged.
import MotionTransfer

struct EngineProvider: ClipGeneratorProvider {
  func geometry(_ model: ModelSource, _ options: Options) throws(MotionTransferError) -> ClipGeometry {
    let geometry = try MotionTransferEngine.geometry(
      model: model.folder, motionAdapter: model.motionAdapter, options)
    return ClipGeometry(frames: geometry.numFrames, width: geometry.width, height: geometry.height)
  }

  func frameRate(_ model: ModelSource) throws(MotionTransferError) -> Double? {
    try MotionTransferEngine.recommendations(model: model.folder, motionAdapter: model.motionAdapter).frameRate
  }

  func load(_ model: ModelSource, threads: Int, job: Job) throws(MotionTransferError) -> any ClipGenerator {
    if threads > 0 { MotionTransferEngine.threads = threads }
    return EngineGenerator(engine: try SharedModels.shared.engine(model, job))
  }

  func motion(contentsOf path: String) throws(MotionTransferError) -> any LearnedMotion {
    EngineMotion(embedding: try MotionEmbedding(contentsOf: path))
  }
}

private struct EngineGenerator: ClipGenerator {
  let engine: MotionTransferEngine

  func learn(_ reference: Clip, _ options: Options, job: Job) throws(MotionTransferError) -> any LearnedMotion {
    EngineMotion(embedding: try engine.learn(reference, options, job: job))
  }

  func generate(_ options: Options, motion: (any LearnedMotion)?, job: Job) throws(MotionTransferError)
    -> Clip
  {
    try engine.generate(options, embedding: (motion as? EngineMotion)?.embedding, job: job)
  }
}

private struct EngineMotion: LearnedMotion {
  let embedding: MotionEmbedding

  var finalLoss: Double? { embedding.metadata["final-loss"].flatMap { Double($0) } }

  func write(to path: String) throws(MotionTransferError) { try embedding.write(to: path) }
}
