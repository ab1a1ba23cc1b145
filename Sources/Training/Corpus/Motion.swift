import Glibc

/// The families of motions; the corpus draws a family first.
public enum MotionKind: String, CaseIterable, Sendable {
  /// A straight line in any direction, at an even or changing speed.
  case line
  /// A part of a circle, or all of it.
  case arc
  /// Jumps along the ground.
  case hop
  /// Two or three straight lines.
  case zigzag
  /// Comes closer.
  case approach
  /// Goes away.
  case recede
  /// Turns about itself.
  case spin
  /// Rocks to and fro.
  case wobble
  /// A line that ends in rest.
  case stop
  /// Rests.
  case still
  /// The camera moves sideways, up or down.
  case pan
  /// The camera comes closer or goes away.
  case dolly

  /// How often each is drawn.
  static let shares: [(kind: MotionKind, share: Float)] = [
    (.line, 5), (.arc, 3), (.hop, 3), (.zigzag, 2), (.approach, 1.5), (.recede, 1.5), (.spin, 1), (.wobble, 1),
    (.stop, 1.5), (.still, 1), (.pan, 2), (.dolly, 1.5),
  ]

  static func drawn(using generator: inout CorpusGenerator) -> MotionKind {
    var rest = generator.uniform() * shares.reduce(0) { $0 + $1.share }
    for (kind, share) in shares {
      rest -= share
      if rest < 0 { return kind }
    }
    return .line
  }

  /// All words about motion.
  static let vocabulary = [
    "moving going right left up down in a circle circling jumping hopping zigzagging coming closer growing",
    "going away shrinking spinning turning wobbling rocking stopping standing still resting",
    "while the camera pans right left up down zooms in out",
  ]
}

/// What the subject and the camera do during a clip, frame by frame.
struct Motion {
  /// The subject as the camera sees it.
  var poses: [Pose]
  var cameras: [Camera]
  /// Words for the caption, several phrasings of the same thing.
  var phrases: [String]

  /// Draws a motion of one family.
  init(_ kind: MotionKind, frames: Int, using generator: inout CorpusGenerator) {
    let times = (0..<frames).map { frames > 1 ? Float($0) / Float(frames - 1) : 0 }
    let size = generator.uniform(0.34, 0.52)
    cameras = times.map { _ in .still }
    switch kind {
    case .line: (poses, phrases) = Motion.line(times, size, &generator)
    case .arc: (poses, phrases) = Motion.arc(times, size, &generator)
    case .hop: (poses, phrases) = Motion.hop(times, size, &generator)
    case .zigzag: (poses, phrases) = Motion.zigzag(times, size, &generator)
    case .approach, .recede: (poses, phrases) = Motion.approach(times, isReversed: kind == .recede, &generator)
    case .spin: (poses, phrases) = Motion.spin(times, size, &generator)
    case .wobble: (poses, phrases) = Motion.wobble(times, size, &generator)
    case .stop: (poses, phrases) = Motion.stop(times, size, &generator)
    case .still:
      poses = times.map { _ in Pose(x: 0.5, y: 0.5, size: size) }
      Motion.shift(&poses, by: Motion.point(0.25...0.75, &generator) - 0.5)
      phrases = ["standing still", "resting"]
    case .pan, .dolly:
      (cameras, phrases) = kind == .pan ? Motion.pan(times, &generator) : Motion.dolly(times, &generator)
      let place = Motion.point(0.35...0.65, &generator)
      let pose = Pose(x: place.x, y: place.y, size: size)
      // The subject stands in the world, or keeps its place in the view.
      let isFollowed = generator.chance(0.4)
      poses = cameras.map { isFollowed ? pose : $0.view(of: pose) }
    }
  }

  private typealias Path = ([Pose], [String])

  private static func point(
    _ range: ClosedRange<Float>, _ generator: inout CorpusGenerator
  ) -> SIMD2<Float> {
    let x = generator.uniform(range.lowerBound, range.upperBound)
    return SIMD2(x, generator.uniform(range.lowerBound, range.upperBound))
  }

  private static func shift(_ poses: inout [Pose], by offset: SIMD2<Float>) {
    for index in poses.indices {
      poses[index].x += offset.x
      poses[index].y += offset.y
    }
  }

  /// Even, faster and faster, slower and slower, or both.
  private static func eased(_ time: Float, _ ease: Int) -> Float {
    switch ease {
    case 0: time * time
    case 1: 1 - (1 - time) * (1 - time)
    case 2: time * time * (3 - 2 * time)
    default: time
    }
  }

  /// Sixty in a hundred lines keep near an axis, so that direction words mean something.
  private static func line(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    var angle: Float = 0
    var start = SIMD2<Float>(0.5, 0.5)
    var end = start
    for _ in 0..<40 {
      angle =
        generator.chance(0.6)
        ? Float(generator.index(4)) * .pi / 2 + generator.uniform(-0.15, 0.15)
        : generator.uniform(0, 2 * .pi)
      start = point(0.18...0.82, &generator)
      end = start + generator.uniform(0.22, 0.7) * SIMD2(cos(angle), sin(angle))
      if end.min() > 0.16, end.max() < 0.84 { break }
      end = start
    }
    let ease = generator.index(8)
    let poses = times.map { time in
      let position = start + (end - start) * eased(time, ease)
      return Pose(x: position.x, y: position.y, size: size)
    }
    let quarter = Int((angle / (.pi / 2)).rounded())
    guard start != end, abs(angle - Float(quarter) * .pi / 2) < 0.4 else { return (poses, ["moving"]) }
    let direction = ["right", "down", "left", "up"][(quarter % 4 + 4) % 4]
    return (poses, ["moving \(direction)", "going \(direction)"])
  }

  private static func arc(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let radius = generator.uniform(0.14, 0.28)
    let phase = generator.uniform(0, 2 * .pi)
    let sweep = generator.uniform(2.5, 6.5) * (generator.chance(0.5) ? 1 : -1)
    let centre = point(0.38...0.62, &generator)
    let poses = times.map { time in
      Pose(
        x: centre.x + radius * cos(phase + sweep * time), y: centre.y + radius * sin(phase + sweep * time),
        size: size)
    }
    return (poses, ["moving in a circle", "circling"])
  }

  private static func hop(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let hops = generator.pick([1, 1, 1.5, 2, 3] as [Float])
    let height = generator.uniform(0.2, 0.42)
    let distance = generator.chance(0.75) ? generator.uniform(-0.6, 0.6) : 0
    let start = 0.5 - distance / 2 + generator.uniform(-0.1, 0.1)
    let ground = generator.uniform(0.62, 0.74)
    let phase = generator.chance(0.7) ? 0 : generator.uniform(0, 3)
    let poses = times.map { time in
      Pose(
        x: min(max(start + distance * time, 0.16), 0.84),
        y: ground - height * abs(sin(.pi * hops * time + phase)), size: size)
    }
    return (poses, ["jumping", "hopping"])
  }

  private static func zigzag(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    var corners = [point(0.18...0.82, &generator)]
    let count = generator.pick([2, 2, 3])
    for _ in 0..<200 where corners.count <= count {
      let next = point(0.18...0.82, &generator)
      let step = next - corners[corners.count - 1]
      if (step * step).sum() > 0.09 { corners.append(next) }
    }
    let poses = times.map { time in
      let place = time * Float(corners.count - 1)
      let index = min(Int(place), corners.count - 2)
      let position = corners[index] + (corners[index + 1] - corners[index]) * (place - Float(index))
      return Pose(x: position.x, y: position.y, size: size)
    }
    return (poses, ["zigzagging"])
  }

  private static func approach(
    _ times: [Float], isReversed: Bool, _ generator: inout CorpusGenerator
  ) -> Path {
    let far = generator.uniform(0.18, 0.32)
    let near = generator.uniform(0.52, 0.8)
    let centre = point(0.36...0.64, &generator)
    let drift = point(-0.1...0.1, &generator)
    let poses = times.map { time in
      let share = isReversed ? 1 - time : time
      return Pose(
        x: centre.x + drift.x * time, y: centre.y + drift.y * time, size: far * pow(near / far, share))
    }
    return (poses, isReversed ? ["going away", "shrinking"] : ["coming closer", "growing"])
  }

  private static func spin(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let turns = generator.uniform(0.4, 1.2) * (generator.chance(0.5) ? 1 : -1)
    let start = point(0.3...0.7, &generator)
    let drift = generator.chance(0.5) ? point(-0.25...0.25, &generator) : .zero
    let poses = times.map { time in
      Pose(
        x: start.x + drift.x * (time - 0.5), y: start.y + drift.y * (time - 0.5), size: size,
        turn: turns * 2 * .pi * time)
    }
    return (poses, ["spinning", "turning"])
  }

  private static func wobble(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let swing = generator.uniform(0.2, 0.45)
    let swings = generator.uniform(1, 2.5)
    let sway = generator.uniform(0, 0.12)
    let centre = point(0.3...0.7, &generator)
    let poses = times.map { time in
      let phase = sin(2 * .pi * swings * time)
      return Pose(x: centre.x + sway * phase, y: centre.y, size: size, turn: swing * phase)
    }
    return (poses, ["wobbling", "rocking"])
  }

  private static func stop(_ times: [Float], _ size: Float, _ generator: inout CorpusGenerator) -> Path {
    let moment = generator.uniform(0.4, 0.7)
    let (poses, _) = line(times.map { min($0 / moment, 1) }, size, &generator)
    return (poses, ["stopping"])
  }

  private static func pan(_ times: [Float], _ generator: inout CorpusGenerator) -> ([Camera], [String]) {
    let direction = generator.pick([0, 0, 1, 2, 2, 3])
    let reach = generator.uniform(0.14, 0.24)
    let along = [SIMD2<Float>(1, 0), SIMD2(0, 1), SIMD2(-1, 0), SIMD2(0, -1)][direction]
    let cameras = times.map { time in
      let place = along * reach * (2 * time - 1)
      return Camera(x: place.x, y: place.y)
    }
    return (cameras, ["while the camera pans \(["right", "down", "left", "up"][direction])"])
  }

  private static func dolly(_ times: [Float], _ generator: inout CorpusGenerator) -> ([Camera], [String]) {
    let isCloser = generator.chance(0.5)
    let wide = generator.uniform(0.7, 0.85)
    let ratio = generator.uniform(1.4, 2)
    let cameras = times.map { time in
      Camera(zoom: wide * pow(ratio, isCloser ? time : 1 - time))
    }
    return (cameras, ["while the camera zooms \(isCloser ? "in" : "out")"])
  }
}
