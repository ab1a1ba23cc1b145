import Checkpoints
import Glibc
import Metrics
import MotionTransfer
import Tensors
import Training

/// A reference clip and what is known of it.
struct ReferenceClip {
  let definition: PairList.Reference
  let clip: Clip
  /// What it shows, for learning.
  let caption: String
  let motion: ReferenceMotion

  /// Name of all that an embedding learns from.
  var digest: String { sha256(clip.pixels + Array("\(clip.width)x\(clip.height) \(caption)".utf8)) }
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
    let scene = try corpus.scene(
      subject: subject, place: place, motion: motion, seed: definition.seed, frames: geometry.numFrames)
    return ReferenceClip(
      definition: definition, clip: Clip(decoded: frames(of: scene)), caption: definition.prompt ?? scene.caption,
      motion: known(
        scene, subjectClass: scorer.subjects.firstIndex(of: subject),
        placeClass: scorer.places.firstIndex(of: place.rawValue)))
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
    let centres = (0..<geometry.numFrames).map { frame in
      let time = 2 * Double.pi * Double(frame) * 30 / 8 / 200
      return (
        x: radius + (0.5 + 0.5 * sin(time)) * (1 - 2 * radius),
        y: radius + (0.5 + 0.5 * sin(2.0.squareRoot() * time)) * (1 - 2 * radius)
      )
    }
    let (height, width) = (geometry.height, geometry.width)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(centres.count * height * width * 3)
    for centre in centres {
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
      definition: definition,
      clip: Clip(frames: centres.count, height: height, width: width, pixels: pixels),
      caption: definition.prompt ?? "",
      motion: ReferenceMotion(
        subject: SubjectTrack(centres: centres, sizes: centres.map { _ in 2 * radius }),
        camera: CameraTrack(cameras: centres.map { _ in (0, 0, 1) }), subjectClass: nil, placeClass: nil))
  }
}
