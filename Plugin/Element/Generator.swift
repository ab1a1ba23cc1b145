// What the element needs of an engine. The real one is in Engine.swift; the harness tests bring a small one,
// so that they test the element and not a model.
import MotionTransfer
import Synchronization

/// Frames, width and height of a clip.
struct ClipGeometry: Sendable, Equatable {
  var frames: Int
  var width: Int
  var height: Int
}

/// A motion that was learned, or read from a file.
protocol LearnedMotion: Sendable {
  var finalLoss: Double? { get }
  /// Writes the file whole or not at all.
  func write(to path: String) throws(MotionTransferError)
}

/// A loaded model.
protocol ClipGenerator: Sendable {
  func learn(_ reference: Clip, _ options: Options, job: Job) throws(MotionTransferError) -> any LearnedMotion
  func generate(_ options: Options, motion: (any LearnedMotion)?, job: Job) throws(MotionTransferError)
    -> Clip
}

/// Where models and motions come from.
protocol ClipGeneratorProvider: Sendable {
  /// The sizes that `options` give with the model in `folder` (nil: the bundled one). Reads only its JSON
  /// files.
  func geometry(folder: String?, _ options: Options) throws(MotionTransferError) -> ClipGeometry
  /// Loads the weights; may take long. `threads` above 0 is how many threads the process computes with from
  /// then on.
  func load(folder: String?, threads: Int, job: Job) throws(MotionTransferError) -> any ClipGenerator
  func motion(contentsOf path: String) throws(MotionTransferError) -> any LearnedMotion
}

/// The engine that elements use from their next start on.
enum Generators {
  private static let current = Mutex<any ClipGeneratorProvider>(EngineProvider())

  static var provider: any ClipGeneratorProvider {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }
}
