// An engine that takes no time and whose pixels can be foretold, so that these tests are about the element.
import Foundation
import MotionTransfer
import Synchronization

@testable import MotionTransferElement

/// What the engine has been asked for, and how it shall behave; one for all tests, keyed by the prompt.
///
/// - prompt `wait`: generates until cancelled (at most 20 s).
/// - prompt `fail`: fails after one step.
/// - prompt `slow`: takes 100 ms.
/// - prompt `scale`: every byte is the motion scale in hundredths.
/// - reference prompt `wait`: learns until cancelled.
enum Echo {
  /// Generations and learnings that have begun and not ended.
  static let running = Atomic<Int>(0)
  /// The most of them at the same time.
  static let mostRunning = Atomic<Int>(0)
  /// Calls of `load`.
  static let loads = Atomic<Int>(0)

  static let install: Void = { Generators.provider = EchoProvider() }()

  /// The value of every byte of frame `index` of a clip.
  static func byte(seed: UInt64, frame index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: seed &* 16 &+ UInt64(index))
  }
}

struct EchoProvider: ClipGeneratorProvider {
  func geometry(_ model: ModelSource, _ options: Options) throws(MotionTransferError) -> ClipGeometry {
    if let folder = model.folder, access(folder, F_OK) != 0 {
      throw MotionTransferError(
        .notFound, "model \(folder): no such folder; give a folder with model_index.json")
    }
    let width = options.width ?? 16
    guard width % 8 == 0 else {
      throw MotionTransferError(.settings, "found width \(width), expected a multiple of 8")
    }
    return ClipGeometry(frames: options.numFrames ?? 4, width: width, height: options.height ?? 8)
  }

  func frameRate(_ model: ModelSource) throws(MotionTransferError) -> Double? { nil }

  func load(_ model: ModelSource, threads: Int, job: Job) throws(MotionTransferError) -> any ClipGenerator {
    Echo.loads.add(1, ordering: .relaxed)
    job.progress(Progress(.load, 1, of: 1))
    return EchoGenerator()
  }

  func motion(contentsOf path: String) throws(MotionTransferError) -> any LearnedMotion {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw MotionTransferError(.unreadable, "\(path): cannot be read")
    }
    guard data.starts(with: Array("echo".utf8)) else {
      throw MotionTransferError(.badData, "\(path): found no header, expected 'echo'; learn it again")
    }
    return EchoMotion(means: Array(data.dropFirst(4)))
  }
}

struct EchoMotion: LearnedMotion {
  /// First byte of each frame of the reference.
  let means: [UInt8]
  var finalLoss: Double? { 0.25 }

  func write(to path: String) throws(MotionTransferError) {
    let data = Data(Array("echo".utf8) + means)
    guard FileManager.default.createFile(atPath: path, contents: data) else {
      throw MotionTransferError(.unwritable, "\(path): cannot be written")
    }
  }
}

struct EchoGenerator: ClipGenerator {
  func learn(_ reference: Clip, _ options: Options, job: Job) throws(MotionTransferError) -> any LearnedMotion {
    if options.referencePrompt == nil { job.warning("reference-prompt is not set") }
    try work(.learn, waits: options.referencePrompt == "wait", job)
    let frame = reference.height * reference.width * 3
    return EchoMotion(means: (0..<reference.frames).map { reference.pixels[$0 * frame] })
  }

  func generate(_ options: Options, motion: (any LearnedMotion)?, job: Job) throws(MotionTransferError)
    -> Clip
  {
    try work(.sample, waits: options.prompt == "wait", job)
    if options.prompt == "slow" {
      Echo.running.add(1, ordering: .relaxed)
      Echo.mostRunning.max(Echo.running.load(ordering: .relaxed), ordering: .relaxed)
      usleep(100_000)
      Echo.running.subtract(1, ordering: .relaxed)
    }
    if options.prompt == "fail" { throw MotionTransferError(.failed, "the engine failed, as asked") }
    let frames = options.numFrames ?? 4
    let width = options.width ?? 16
    let height = options.height ?? 8
    let means = (motion as? EchoMotion)?.means
    var pixels: [UInt8] = []
    for index in 0..<frames {
      let byte =
        options.prompt == "scale"
        ? UInt8((options.motionScale ?? 0) * 100)
        : means.map { $0[index % $0.count] } ?? Echo.byte(seed: options.seed, frame: index)
      pixels += Array(repeating: byte, count: width * height * 3)
    }
    return Clip(frames: frames, height: height, width: width, pixels: pixels)
  }

  private func work(_ stage: Stage, waits: Bool, _ job: Job) throws(MotionTransferError) {
    Echo.running.add(1, ordering: .relaxed)
    defer { Echo.running.subtract(1, ordering: .relaxed) }
    for step in 1...(waits ? 20_000 : 3) {
      if job.isCancelled() { throw .cancelled }
      if stage == .sample, let preview = job.preview, step % preview.interval == 0 {
        preview.show(step, Clip(frames: 2, height: 1, width: 2, pixels: Array(repeating: UInt8(step), count: 12)))
      }
      job.progress(Progress(stage, step, of: 3, loss: stage == .learn ? 1 / Float(step) : nil))
      if waits { usleep(1000) }
    }
  }
}
