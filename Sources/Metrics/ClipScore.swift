public import Tensors

/// What is measured of a generated clip.
public enum Metric: String, CaseIterable, Sendable {
  /// Agreement of the subject's path with the reference's, -1 ... 1.
  case path
  /// Amplitude of the subject's path by the reference's.
  case amplitude
  /// Agreement of the subject's size over time, as a logarithm.
  case zoom
  /// Agreement of the camera's path.
  case camera
  /// Share of frames that show the prompt's subject.
  case subject
  /// Share of frames that show the prompt's place.
  case place
  /// Share of frames that show the reference's subject.
  case leakedSubject = "leaked-subject"
  /// Share of frames that show the reference's place.
  case leakedPlace = "leaked-place"
  /// Share of frames that show the reference's subject or place.
  case leak
  /// Mean cosine of the subject's features in neighbouring frames.
  case consistency
  /// Root mean square difference of its pixels, 0 to 1, and those of the same pair's clip with another seed.
  case diversity
  /// Mean distance between the path's steps and the reference's, in frame edges, where a window of frames begins or ends.
  case seamStep = "seam-step"
  /// The same inside of windows.
  case insideStep = "inside-step"
  /// 1 for a clip that moves like its reference (0.8 or more) and shows the prompt's subject and place in three quarters of its
  /// frames, else 0.
  case works
}

/// A reference as the measures need it.
public struct ReferenceMotion: Sendable {
  /// Where its subject is.
  public var subject: SubjectTrack
  /// How its view moves.
  public var camera: CameraTrack
  /// Class of its subject; nil for none that the scorer knows.
  public var subjectClass: Int?
  /// Class of its place; nil for none that the scorer knows.
  public var placeClass: Int?

  /// Movements below these amplitudes are none: there is nothing to agree with.
  static let leastPath = 0.04
  static let leastZoom = 0.15
  static let leastCamera = 0.03

  /// All parts.
  public init(subject: SubjectTrack, camera: CameraTrack, subjectClass: Int?, placeClass: Int?) {
    self.subject = subject
    self.camera = camera
    self.subjectClass = subjectClass
    self.placeClass = placeClass
  }
}

/// The measures of one clip; those that its reference has no use for are absent.
public struct ClipScore: Sendable, Equatable {
  /// By measure.
  public let values: [Metric: Double]

  /// - Parameters:
  ///   - frames: the generated clip, (F, H, W, 3) in -1 ... 1, as many frames as the reference
  ///   - reading: what the scorer saw in it
  ///   - subject, place: classes that the prompt names
  ///   - other: a clip of the same pair with another seed, of the shape of `frames`
  ///   - windows: of frames that the model saw at once
  public init(
    _ frames: Tensor, _ reading: SceneReading, _ reference: ReferenceMotion, subject: Int, place: Int,
    other: Tensor? = nil, windows: [Range<Int>] = []
  ) {
    let track = SubjectTrack(reading)
    var values: [Metric: Double] = [:]
    // A subject that is mostly absent does not move like anything.
    let presence = track.visible >= 0.5 ? 1.0 : 0.0
    if reference.subject.path.amplitude >= ReferenceMotion.leastPath {
      values[.path] = presence * track.path.agreement(with: reference.subject.path)
      values[.amplitude] = presence * track.path.amplitude / reference.subject.path.amplitude
    }
    if windows.count > 1 {
      let borders = Set(windows.flatMap { [$0.lowerBound - 1, $0.upperBound - 1] })
      let errors = track.path.stepErrors(against: reference.subject.path)
      let seams = errors.indices.filter(borders.contains)
      let inside = errors.indices.filter { !borders.contains($0) }
      for (metric, steps) in [(Metric.seamStep, seams), (.insideStep, inside)] where !steps.isEmpty {
        values[metric] = steps.reduce(0) { $0 + errors[$1] } / Double(steps.count)
      }
    }
    if reference.subject.logSize.amplitude >= ReferenceMotion.leastZoom {
      values[.zoom] = presence * track.logSize.agreement(with: reference.subject.logSize)
    }
    if reference.camera.path.amplitude >= ReferenceMotion.leastCamera {
      values[.camera] = CameraTrack(frames, reading).path.agreement(with: reference.camera.path)
    }

    func share(_ isTrue: (_ subject: Int, _ place: Int) -> Bool) -> Double {
      let count = zip(reading.subjects, reading.places).count(where: isTrue)
      return Double(count) / Double(max(reading.frames, 1))
    }
    values[.subject] = share { shown, _ in shown == subject }
    values[.place] = share { _, shown in shown == place }
    if let old = reference.subjectClass { values[.leakedSubject] = share { shown, _ in shown == old } }
    if let old = reference.placeClass { values[.leakedPlace] = share { _, shown in shown == old } }
    if reference.subjectClass != nil || reference.placeClass != nil {
      values[.leak] = share { $0 == reference.subjectClass || $1 == reference.placeClass }
    }
    values[.consistency] = reading.consistency
    if let other { values[.diversity] = Double(frames.meanSquaredError(other).item).squareRoot() / 2 }
    if let motion = ClipScore(values: values).motion {
      let isShown = (values[.subject] ?? 0) >= 0.75 && (values[.place] ?? 0) >= 0.75
      values[.works] = motion >= 0.8 && isShown ? 1 : 0
    }
    self.values = values
  }

  /// The mean agreement of all that the reference moves: path, zoom, camera.
  public var motion: Double? {
    let motions = [Metric.path, .zoom, .camera].compactMap { values[$0] }
    return motions.isEmpty ? nil : motions.reduce(0, +) / Double(motions.count)
  }

  /// As it was measured before.
  public init(values: [Metric: Double]) { self.values = values }
}
