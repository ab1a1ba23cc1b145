import Glibc
public import Tensors

/// How the view of a clip moves: the background's shift and zoom from frame to frame, added up.
public struct CameraTrack: Sendable, Equatable {
  /// Of the background, in each frame: x and y in frame edges, and the logarithm of its magnification times ``zoomArm``.
  public let path: Path

  /// Root mean square distance of a picture's points from its middle, in edges: what a zoom moves them by.
  public static let zoomArm = 0.408

  /// From the view of a known camera: the frame shows the world point (s - 0.5) / zoom + 0.5 + (x, y) at its point s.
  public init(cameras: [(x: Double, y: Double, zoom: Double)]) {
    let steps = zip(cameras, cameras.dropFirst()).map { from, to in
      ViewStep(
        x: (from.x - to.x) * to.zoom, y: (from.y - to.y) * to.zoom, logZoom: log(to.zoom / from.zoom))
    }
    self.init(steps: steps)
  }

  /// From a clip, by matching neighbouring frames outside the subject.
  ///
  /// - Parameters:
  ///   - frames: (F, H, W, 3)
  ///   - reading: where the subject is
  public init(_ frames: Tensor, _ reading: SceneReading) {
    // A small picture is enough: a step of a camera is a few hundredths of an edge.
    let pyramids = frames.shape[0] == 0 ? [] : Self.pyramids(frames)
    let steps = (1..<max(frames.shape[0], 1)).map { frame in
      let mask = BackgroundMask(reading, frame - 1, frame)
      return pyramids.reduce(ViewStep()) { guess, level in
        level.match(frame - 1, frame, mask, from: guess)
      }
    }
    self.init(steps: steps)
  }

  private init(steps: [ViewStep]) {
    var sums = [[0.0, 0.0, 0.0]]
    for step in steps {
      let last = sums[sums.count - 1]
      sums.append([last[0] + step.x, last[1] + step.y, last[2] + Self.zoomArm * step.logZoom])
    }
    path = Path(sums)
  }

  private static func pyramids(_ frames: Tensor) -> [PictureLevel] {
    [16, 32, 64].map { PictureLevel(frames.resized(height: $0, width: $0)) }
  }
}
