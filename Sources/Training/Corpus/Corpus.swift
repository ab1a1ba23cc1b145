/// The training corpus: captioned clips of one subject moving in one place, made on the fly.
///
/// Clip *k* of a seed is always the same clip, so nothing is stored and a run resumes from its step number.
public struct Corpus: Sendable {
  /// One training example.
  public struct Sample: Sendable {
    /// RGB in -1 ... 1, (frames, size, size, 3) row-major.
    public let pixels: [Float]
    /// What the clip shows; empty where the caption was dropped.
    public let caption: String
    /// What was drawn.
    public let scene: Scene
  }

  /// The subjects that are trained on.
  public let subjects: [String]
  /// Edge of a frame in pixels.
  public let size: Int
  /// The pictures of all subjects, those that are never trained on included.
  public let atlas: SpriteAtlas
  let backdrops: Backdrops
  private let sprites: [Int]

  /// - Parameters:
  ///   - atlas: the pictures.
  ///   - subjects: names in the atlas; nil: ``defaultSubjects``.
  ///   - size: edge of a frame in pixels.
  /// - Throws: ``TrainingError`` when the atlas lacks a subject.
  public init(atlas: SpriteAtlas, subjects: [String]? = nil, size: Int = 128) throws {
    let subjects = subjects ?? Corpus.defaultSubjects
    sprites = try subjects.map { try atlas.index(of: $0) }
    self.atlas = atlas
    self.subjects = subjects
    self.size = size
    backdrops = Backdrops(frame: size)
  }

  /// Twenty subjects of distinct outline and colour. The atlas holds others, which only references show.
  public static let defaultSubjects = [
    "frog", "pig", "penguin", "car", "star", "fox", "whale", "bear", "balloon", "ghost", "apple", "fish", "rocket",
    "robot", "octopus", "butterfly", "heart", "tree", "sunflower", "bus",
  ]

  /// Every word that a caption can hold, sorted.
  public var words: [String] { Caption.words(subjects: subjects) }

  /// Whether a combination is kept out of training, to be asked for afterwards: one pair of subject and place in
  /// twenty altogether, and one triple of subject, place and motion in nine.
  ///
  /// - Parameter subject: index in ``subjects``.
  public static func isHeldOut(subject: Int, place: Place, motion: MotionKind) -> Bool {
    (subject + 2 * place.index) % 20 == 7 || (5 * subject + 3 * place.index + 2 * motion.index) % 9 == 4
  }

  /// Draws one example.
  ///
  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - index: the example's number within the run.
  ///   - frames: 1 for a picture; its caption then has no motion words.
  ///   - captionDropout: probability of an empty caption, which teaches guidance.
  public func sample(seed: UInt64, index: UInt64, frames: Int, captionDropout: Float = 0.1) -> Sample {
    let (scene, caption) = draw(seed: seed, index: index, frames: frames, captionDropout: captionDropout)
    return Sample(pixels: render(scene), caption: caption, scene: scene)
  }

  /// What ``sample(seed:index:frames:captionDropout:)`` draws, before it is rendered.
  func draw(
    seed: UInt64, index: UInt64, frames: Int, captionDropout: Float
  ) -> (scene: Scene, caption: String) {
    var generator = CorpusGenerator(seed: seed, index: index)
    let motion = MotionKind.drawn(using: &generator)
    var subject = 0
    var place = Place.grass
    repeat {
      subject = generator.index(subjects.count)
      place = generator.pick(Place.allCases)
    } while Corpus.isHeldOut(subject: subject, place: place, motion: motion)
    let scene = scene(sprites[subject], place, motion, frames: frames, using: &generator)
    let isDropped = generator.chance(captionDropout)
    let caption = Caption.draw(scene, using: &generator)
    return (scene, isDropped ? "" : caption)
  }

  /// A scene of one's own choice, for references: any subject of the atlas in any place.
  ///
  /// - Throws: ``TrainingError`` when the atlas lacks the subject.
  public func scene(
    subject: String, place: Place, motion: MotionKind, seed: UInt64, frames: Int
  ) throws -> Scene {
    var generator = CorpusGenerator(seed: seed, index: 1 << 63)
    return scene(try atlas.index(of: subject), place, motion, frames: frames, using: &generator)
  }

  private func scene(
    _ sprite: Int, _ place: Place, _ kind: MotionKind, frames: Int, using generator: inout CorpusGenerator
  ) -> Scene {
    // A picture is a moment of a clip.
    var motion = Motion(kind, frames: frames > 1 ? frames : 8, using: &generator)
    if frames == 1 {
      let moment = generator.index(motion.poses.count)
      motion.poses = [motion.poses[moment]]
      motion.cameras = [motion.cameras[moment]]
      motion.phrases = []
    }
    let tint = SIMD3<Float>(
      generator.uniform(-0.02, 0.02), generator.uniform(-0.02, 0.02), generator.uniform(-0.02, 0.02))
    return Scene(
      subject: sprite, subjectName: atlas.names[sprite], place: place, motion: kind,
      variant: generator.index(Backdrops.variants), isMirrored: generator.chance(0.5), tint: tint,
      poses: motion.poses, cameras: motion.cameras, phrases: motion.phrases)
  }
}

extension CaseIterable where Self: Equatable {
  /// Position among all cases.
  var index: Int { Self.allCases.enumerated().first { $0.element == self }?.offset ?? 0 }
}
