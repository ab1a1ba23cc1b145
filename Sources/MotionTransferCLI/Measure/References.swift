import Checkpoints
import Glibc
import Metrics
import MotionTransfer
import Tensors
import Training

/// A reference and what is known of it.
struct ReferenceClip {
  /// A clip that can be learned from.
  struct Shown {
    let clip: Clip
    /// What it shows.
    let caption: String

    /// Name of all that an embedding learns from.
    var digest: String { sha256(clip.pixels + Array("\(clip.width)x\(clip.height) \(caption)".utf8)) }
  }

  let definition: PairList.Reference
  /// What a caption calls its motion, for a method that learns words.
  let phrase: String
  /// The reference, and others that move like it.
  let clips: [Shown]
  /// How it moves, at a number of frames.
  let motion: (Int) throws -> ReferenceMotion
}

/// Draws reference clips.
struct References {
  let corpus: Corpus
  let scorer: SceneScorerConfiguration
  let geometry: Geometry

  /// - Throws: `CheckpointError` for a definition that names no scene
  func clip(_ definition: PairList.Reference) throws -> ReferenceClip {
    if definition.motion == "ball" { return ball(definition) }
    guard let motion = MotionKind(rawValue: definition.motion),
      let place = definition.place.flatMap(Place.init(rawValue:)), let subject = definition.subject
    else {
      let kinds = MotionKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        .badData,
        "reference \(definition.name): found the motion \"\(definition.motion)\", expected ball, or a subject and a place of "
          + "the corpus and one of \(kinds)")
    }
    func scene(_ subject: String, _ place: Place, frames: Int? = nil) throws -> Scene {
      try corpus.scene(
        subject: subject, place: place, motion: motion, seed: definition.seed, frames: frames ?? geometry.numFrames)
    }
    func shown(_ scene: Scene, _ caption: String) -> ReferenceClip.Shown {
      ReferenceClip.Shown(clip: Clip(decoded: frames(of: scene)), caption: caption)
    }
    let own = try scene(subject, place)
    let others = try definition.also.map { other in
      guard let place = Place(rawValue: scorer.places[other.place]) else {
        throw CheckpointError(.badData, "reference \(definition.name): \"\(other.text)\" is no place of the corpus")
      }
      return shown(try scene(scorer.subjects[other.subject], place), other.text)
    }
    return ReferenceClip(
      definition: definition, phrase: own.phrases.first ?? "moving",
      clips: [shown(own, definition.prompt ?? own.caption)] + others,
      motion: { frames in
        known(
          try scene(subject, place, frames: frames), subjectClass: scorer.subjects.firstIndex(of: subject),
          placeClass: scorer.places.firstIndex(of: place.rawValue))
      })
  }

  /// A scene at the model's size, (F, H, W, 3).
  func frames(of scene: Scene) -> Tensor {
    let square = [scene.poses.count, corpus.size, corpus.size, 3]
    return Tensor(corpus.render(scene), shape: square).resized(height: geometry.height, width: geometry.width)
  }

  /// What the scene's own numbers say.
  func known(_ scene: Scene, subjectClass: Int?, placeClass: Int?) -> ReferenceMotion {
    ReferenceMotion(
      subject: SubjectTrack(
        centres: scene.poses.map { (Double($0.x), Double($0.y)) }, sizes: scene.poses.map { Double($0.size) }),
      camera: CameraTrack(cameras: scene.cameras.map { (Double($0.x), Double($0.y), Double($0.zoom)) }),
      subjectClass: subjectClass, placeClass: placeClass)
  }

  /// The ball of GStreamer's `videotestsrc pattern=ball` in its wavy motion: white on black, 20 pixels of 128, 30 frames a
  /// second of which an eighth of a second passes from one frame to the next.
  private func ball(_ definition: PairList.Reference) -> ReferenceClip {
    let radius = 20.0 / 128
    /// The same time in any number of frames.
    func centres(_ frames: Int) -> [(x: Double, y: Double)] {
      let stretch = Double(max(geometry.numFrames - 1, 1)) / Double(max(frames - 1, 1))
      return (0..<frames).map { frame in
        let time = 2 * Double.pi * Double(frame) * stretch * 30 / 8 / 200
        return (
          x: radius + (0.5 + 0.5 * sin(time)) * (1 - 2 * radius),
          y: radius + (0.5 + 0.5 * sin(2.0.squareRoot() * time)) * (1 - 2 * radius)
        )
      }
    }
    let shown = centres(geometry.numFrames)
    let (height, width) = (geometry.height, geometry.width)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(shown.count * height * width * 3)
    for centre in shown {
      for pixel in 0..<height * width {
        let x = (Double(pixel % width) + 0.5) / Double(width) - centre.x
        let y = (Double(pixel / width) + 0.5) / Double(height) - centre.y
        // The edge is one pixel soft.
        let depth = (radius - (x * x + y * y).squareRoot()) * Double(width)
        let level = UInt8((min(max(depth, 0), 1) * 255).rounded())
        for _ in 0..<3 { pixels.append(level) }
      }
    }
    return ReferenceClip(
      definition: definition, phrase: "moving",
      clips: [
        ReferenceClip.Shown(
          clip: Clip(frames: shown.count, height: height, width: width, pixels: pixels),
          caption: definition.prompt ?? "")
      ],
      motion: { frames in
        let centres = centres(frames)
        return ReferenceMotion(
          subject: SubjectTrack(centres: centres, sizes: centres.map { _ in 2 * radius }),
          camera: CameraTrack(cameras: centres.map { _ in (0, 0, 1) }), subjectClass: nil, placeClass: nil)
      })
  }
}
