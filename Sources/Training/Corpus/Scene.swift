/// Where the subject is in one frame.
///
/// Positions are fractions of the frame's edge (0 left or top, 1 right or bottom), `size` the subject's edge in the
/// same unit, `turn` in radians, clockwise.
public struct Pose: Sendable, Equatable {
  /// Centre of the subject.
  public var x, y: Float
  /// Edge of the subject's square.
  public var size: Float
  /// Rotation about the centre.
  public var turn: Float = 0
}

/// Where the view is in one frame: it shows the world point `(s - 0.5) / zoom + 0.5 + (x, y)` at the frame's point s.
public struct Camera: Sendable, Equatable {
  /// Shift of the view in frame edges.
  public var x: Float = 0
  /// Shift of the view in frame edges, downward.
  public var y: Float = 0
  /// Above 1: closer.
  public var zoom: Float = 1

  /// The view that most clips have.
  public static let still = Camera()

  /// A subject that stands in the world, as this view shows it.
  func view(of pose: Pose) -> Pose {
    Pose(
      x: (pose.x - 0.5 - x) * zoom + 0.5, y: (pose.y - 0.5 - y) * zoom + 0.5, size: pose.size * zoom,
      turn: pose.turn)
  }
}

/// One clip before it is drawn: all that the corpus draws at random.
public struct Scene: Sendable, Equatable {
  /// Index of the subject in the atlas.
  public let subject: Int
  /// The subject's name.
  public let subjectName: String
  /// Where it happens.
  public let place: Place
  /// How the subject or the camera moves.
  public let motion: MotionKind
  /// Which of the place's backdrops.
  let variant: Int
  /// Whether the backdrop is mirrored.
  let isMirrored: Bool
  /// Added to the backdrop's colours.
  let tint: SIMD3<Float>
  /// The subject, frame by frame, as the camera sees it.
  public internal(set) var poses: [Pose]
  /// The view, frame by frame.
  public internal(set) var cameras: [Camera]
  /// Words for the motion, several phrasings of the same thing; empty for a picture.
  public let phrases: [String]

  /// Which of all ``Backdrops``.
  var backdrop: Int { place.index * Backdrops.variants + variant }

  /// "a fox in the snow": subject and place, nothing about motion.
  public var caption: String { "\(Caption.article(subjectName)) \(subjectName) \(place.rawValue)" }
}
