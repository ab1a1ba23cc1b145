import Metrics
import MotionTransfer
import Tensors
import Training

/// How well the scorer and the trackers do on clips that the corpus draws: what no generated clip can be expected to beat.
struct RealClips {
  let references: References
  let scorer: SceneScorer

  /// Scores clips of any subject of the atlas, any place and any motion, drawn from seeds that nothing was trained on.
  ///
  /// - Returns: entries for a table, one per clip
  func scores(_ count: Int, isCancelled: () -> Bool) throws -> [ResultLog.Entry] {
    let corpus = references.corpus
    var generator = TorchGenerator(seed: 0)
    return try (0..<count).map { index in
      if isCancelled() { throw MotionTransferError.cancelled }
      let subject = corpus.atlas.names[generator.randint(below: corpus.atlas.names.count)]
      let place = Place.allCases[generator.randint(below: Place.allCases.count)]
      let motion = MotionKind.allCases[generator.randint(below: MotionKind.allCases.count)]
      let scene = try corpus.scene(
        subject: subject, place: place, motion: motion, seed: 1 << 32 + UInt64(index),
        frames: references.geometry.numFrames)
      let start = ContinuousClock.now
      let frames = references.frames(of: scene)
      let score = ClipScore(
        frames, scorer(frames), references.known(scene, subjectClass: nil, placeClass: nil),
        subject: scorer.configuration.subjects.firstIndex(of: subject) ?? -1,
        place: scorer.configuration.places.firstIndex(of: place.rawValue) ?? -1)
      return ResultLog.Entry(
        id: "\(index)", reference: motion.rawValue, prompt: "\(index)", method: "real clips", seed: 0,
        seconds: start.duration(to: .now) / .seconds(1), score: score)
    }
  }
}
