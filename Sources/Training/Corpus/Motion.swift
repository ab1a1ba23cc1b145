#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the subject does during a clip: where it is, how large and how turned, frame by frame.
///
/// Positions are fractions of the picture's edge (0 left or top, 1 right or bottom), `size` the subject's edge in
/// the same unit, `turn` in radians.
struct Motion {
  /// The families of paths; the corpus draws a family first.
  enum Kind: CaseIterable { case line, arc, hop, approach, recede, still }

  /// One frame's pose.
  struct Pose { var x, y, size, turn: Float }

  var poses: [Pose]
  /// Words for the caption, several phrasings of the same thing.
  var phrases: [String]

  /// Draws a motion over the given number of frames.
  init(frames: Int, using generator: inout CorpusGenerator) {
    let kinds: [Kind] = [.line, .line, .line, .line, .arc, .arc, .hop, .hop, .approach, .recede, .still]
    self.init(generator.pick(kinds), frames: frames, using: &generator)
  }

  init(_ kind: Kind, frames: Int, using generator: inout CorpusGenerator) {
    let times = (0..<frames).map { frames > 1 ? Float($0) / Float(frames - 1) : 0 }
    let size = generator.uniform(0.36, 0.54)
    switch kind {
    case .line: (poses, phrases) = Motion.line(times, size, &generator)
    case .arc: (poses, phrases) = Motion.arc(times, size, &generator)
    case .hop: (poses, phrases) = Motion.hop(times, size, &generator)
    case .approach, .recede:
      (poses, phrases) = Motion.zoom(times, closer: kind == .approach, &generator)
    case .still:
      let (x, y) = (generator.uniform(0.25, 0.75), generator.uniform(0.25, 0.75))
      poses = times.map { _ in Pose(x: x, y: y, size: size, turn: 0) }
      phrases = ["standing still", "resting"]
    }
  }

  private typealias Path = ([Pose], [String])

  /// Sixty in a hundred lines keep near an axis, so that direction words mean something.
  private static func line(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    var angle: Float = 0
    var start = SIMD2<Float>(0.5, 0.5)
    var end = start
    for _ in 0..<40 {
      let nearAxis = generator.chance(0.6)
      angle =
        nearAxis
        ? Float(generator.index(4)) * .pi / 2 + generator.uniform(-0.15, 0.15)
        : generator.uniform(0, 2 * .pi)
      start = SIMD2(generator.uniform(0.18, 0.82), generator.uniform(0.18, 0.82))
      end = start + generator.uniform(0.22, 0.7) * SIMD2(cos(angle), sin(angle))
      if end.min() > 0.16, end.max() < 0.84 { break }
      end = start
    }
    let poses = times.map { time in
      let position = start + (end - start) * time
      return Pose(x: position.x, y: position.y, size: size, turn: 0)
    }
    let quarter = Int((angle / (.pi / 2)).rounded())
    guard start != end, abs(angle - Float(quarter) * .pi / 2) < 0.4 else { return (poses, ["moving"]) }
    let direction = ["right", "down", "left", "up"][(quarter % 4 + 4) % 4]
    return (poses, ["moving \(direction)", "going \(direction)"])
  }

  private static func arc(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let radius = generator.uniform(0.14, 0.26)
    let phase = generator.uniform(0, 2 * .pi)
    let sweep = generator.uniform(2.5, 6.5) * (generator.chance(0.5) ? 1 : -1)
    let centre = SIMD2(generator.uniform(0.36, 0.64), generator.uniform(0.36, 0.64))
    let poses = times.map { time in
      Pose(
        x: centre.x + radius * cos(phase + sweep * time), y: centre.y + radius * sin(phase + sweep * time),
        size: size, turn: 0)
    }
    return (poses, ["moving in a circle", "circling"])
  }

  private static func hop(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let hops = generator.pick([1, 1, 1.5, 2] as [Float])
    let height = generator.uniform(0.2, 0.42)
    let distance = generator.chance(0.75) ? generator.uniform(-0.56, 0.56) : 0
    let start = 0.5 - distance / 2 + generator.uniform(-0.1, 0.1)
    let ground = generator.uniform(0.62, 0.74)
    let phase = generator.chance(0.7) ? 0 : generator.uniform(0, 3)
    let poses = times.map { time in
      Pose(
        x: min(max(start + distance * time, 0.18), 0.82),
        y: ground - height * abs(sin(.pi * hops * time + phase)), size: size, turn: 0)
    }
    return (poses, ["jumping", "hopping"])
  }

  private static func zoom(_ times: [Float], closer: Bool, _ generator: inout CorpusGenerator) -> Path {
    let far = generator.uniform(0.18, 0.32)
    let near = generator.uniform(0.52, 0.8)
    let (x, y) = (generator.uniform(0.36, 0.64), generator.uniform(0.36, 0.64))
    let poses = times.map { time in
      let share = closer ? time : 1 - time
      return Pose(x: x, y: y, size: far + (near - far) * share, turn: 0)
    }
    return (poses, closer ? ["coming closer", "growing"] : ["going away", "shrinking"])
  }
}
