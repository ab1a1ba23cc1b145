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

/// Where a model is.
struct ModelSource: Sendable, Equatable {
  /// nil: the bundled one.
  var folder: String?
  /// AnimateDiff's motion modules, for a model of pictures.
  var motionAdapter: String?
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

extension ClipGenerator {
  /// A clip that has the size that was announced downstream.
  func clip(_ options: Options, motion: (any LearnedMotion)?, of wanted: ClipGeometry, job: Job)
    throws(MotionTransferError) -> Clip
  {
    let made = try generate(options, motion: motion, job: job)
    guard made.frames == wanted.frames, made.width == wanted.width, made.height == wanted.height else {
      throw MotionTransferError(
        .failed,
        "found a clip of \(made.frames) frames, \(made.width)x\(made.height), expected "
          + "\(wanted.frames), \(wanted.width)x\(wanted.height)")
    }
    return made
  }
}

/// Where models and motions come from.
protocol ClipGeneratorProvider: Sendable {
  /// The sizes that `options` give with a model. Reads only its JSON files.
  func geometry(_ model: ModelSource, _ options: Options) throws(MotionTransferError) -> ClipGeometry
  /// The frame rate that the model recommends; nil where it says nothing.
  func frameRate(_ model: ModelSource) throws(MotionTransferError) -> Double?
  /// Loads the weights; may take long. `threads` above 0 is how many threads the process computes with from
  /// then on.
  func load(_ model: ModelSource, threads: Int, job: Job) throws(MotionTransferError) -> any ClipGenerator
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
