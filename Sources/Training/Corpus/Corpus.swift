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
    /// The subject's name.
    public let subject: String
    /// The place.
    public let place: Place
  }

  /// The subjects that are trained on.
  public let subjects: [String]
  /// Edge of a frame in pixels.
  public let size: Int
  private let atlas: SpriteAtlas
  private let sprites: [Int]

  /// - Parameters:
  ///   - atlas: the pictures.
  ///   - subjects: names in the atlas; nil: ``defaultSubjects``.
  ///   - size: edge of a frame in pixels.
  /// - Throws: ``TrainingError`` when the atlas lacks a subject.
  public init(atlas: SpriteAtlas, subjects: [String]? = nil, size: Int = 64) throws {
    let subjects = subjects ?? Corpus.defaultSubjects
    sprites = try subjects.map { name in
      guard let index = atlas.index(of: name) else {
        throw TrainingError(
          "sprite atlas: no subject \"\(name)\"; it has \(atlas.names.joined(separator: ", "))")
      }
      return index
    }
    self.atlas = atlas
    self.subjects = subjects
    self.size = size
  }

  /// Ten subjects of distinct outline and colour.
  public static let defaultSubjects = [
    "frog", "pig", "penguin", "car", "star", "fox", "bear", "heart", "whale", "balloon",
  ]

  /// Every word that a caption can hold, sorted.
  public var words: [String] {
    let texts =
      subjects + Place.allCases.map(\.rawValue)
      + [
        "a an the moving going right left up down in a circle circling jumping hopping coming closer growing",
        "going away shrinking standing still resting",
      ]
    return Set(texts.flatMap { $0.split(separator: " ").map(String.init) }).sorted()
  }

  /// Draws one example.
  ///
  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - index: the example's number within the run.
  ///   - frames: 1 for a picture; its caption then has no motion words.
  ///   - captionDropout: probability of an empty caption, which teaches guidance.
  public func sample(seed: UInt64, index: UInt64, frames: Int, captionDropout: Float = 0.1) -> Sample {
    var generator = CorpusGenerator(seed: seed, index: index)
    let subject = generator.index(subjects.count)
    let place = generator.pick(Place.allCases)
    var motion = Motion(frames: frames > 1 ? frames : 8, using: &generator)
    if frames == 1 {
      motion.poses = [generator.pick(motion.poses)]
      motion.phrases = []
    }
    let dropped = generator.chance(captionDropout)
    let caption = caption(subjects[subject], place, motion, using: &generator)
    let background = place.painted(size: size, using: &generator)
    var pixels = [Float](repeating: 0, count: motion.poses.count * size * size * 3)
    for (frame, pose) in motion.poses.enumerated() {
      draw(sprites[subject], pose, over: background, into: &pixels, at: frame * size * size * 3)
    }
    return Sample(
      pixels: pixels, caption: dropped ? "" : caption, subject: subjects[subject], place: place)
  }

  /// "a frog jumping on grass", half of the time without the motion words.
  private func caption(
    _ subject: String, _ place: Place, _ motion: Motion, using generator: inout CorpusGenerator
  ) -> String {
    var words = ["aeiou".contains(subject.first ?? "x") ? "an" : "a", subject]
    if !motion.phrases.isEmpty, generator.chance(0.5) { words.append(generator.pick(motion.phrases)) }
    words.append(place.rawValue)
    return words.joined(separator: " ")
  }

  /// Composites one sprite over the background; 3x3 samples in each pixel keep edges smooth.
  private func draw(
    _ sprite: Int, _ pose: Motion.Pose, over background: [SIMD3<Float>], into pixels: inout [Float],
    at offset: Int
  ) {
    let edge = Float(size)
    let scale = Float(atlas.size) / (pose.size * edge)
    let reach = pose.size * edge / 2 + 1
    let rows = range(pose.y * edge, reach)
    let columns = range(pose.x * edge, reach)
    let middle = Float(atlas.size) / 2 - 0.5
    for (pixel, colour) in background.enumerated() {
      for channel in 0..<3 { pixels[offset + pixel * 3 + channel] = colour[channel] * 2 - 1 }
    }
    for row in rows {
      for column in columns {
        var sum = SIMD4<Float>.zero
        for sub in 0..<9 {
          let x = Float(column) + (Float(sub % 3) + 0.5) / 3 - pose.x * edge
          let y = Float(row) + (Float(sub / 3) + 0.5) / 3 - pose.y * edge
          sum += atlas.sample(sprite, x: middle + x * scale, y: middle + y * scale)
        }
        sum /= 9
        let pixel = row * size + column
        let colour = background[pixel] * (1 - sum.w) + SIMD3(sum.x, sum.y, sum.z)
        for channel in 0..<3 {
          pixels[offset + pixel * 3 + channel] = min(max(colour[channel] * 2 - 1, -1), 1)
        }
      }
    }
  }

  /// The pixels within `reach` of a centre that lie in the picture.
  private func range(_ centre: Float, _ reach: Float) -> Range<Int> {
    let low = min(max(Int(centre - reach), 0), size)
    return low..<max(low, min(max(Int(centre + reach) + 1, 0), size))
  }
}
