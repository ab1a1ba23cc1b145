// What a run of the element will do: settled, and refused where it cannot work, from READY to PAUSED. Reads
// no weights.
import CGStreamer
import Glibc
import MotionTransfer

struct Plan: Sendable {
  enum Task: Sendable, Equatable {
    /// Learn from the first clip, write the file, pass the input through.
    case learn
    /// The motion comes from a file; without one, the clips are plain text-to-video.
    case apply
    /// Learn from the first clip, save it if a file is named, apply it to every clip.
    case learnAndApply
  }

  let settings: Settings
  let task: Task
  let geometry: ClipGeometry
  let provider: any ClipGeneratorProvider

  /// - Parameter expectsText: prompts may come from a text pad.
  init(
    _ settings: Settings, provider: any ClipGeneratorProvider, expectsText: Bool = false
  ) throws(ElementError) {
    self.settings = settings
    self.provider = provider
    self.task = try Plan.task(settings)
    if task != .learn, !settings.hasPrompt, !expectsText {
      throw .resource(
        GST_RESOURCE_ERROR_SETTINGS,
        "found no prompt, expected what the new video shall show; set prompt=\"...\", or mode=learn to learn only"
      )
    }
    do throws(MotionTransferError) {
      geometry = try provider.geometry(
        settings.modelSource, settings.options(clip: 0, frameRate: nil))
    } catch {
      throw ElementError(error)
    }
    guard geometry.frames > 0, 8...4096 ~= geometry.width, 8...4096 ~= geometry.height else {
      throw .resource(
        GST_RESOURCE_ERROR_SETTINGS,
        "found clips of \(geometry.frames) frames, \(geometry.width)x\(geometry.height), expected at least one frame "
          + "and sizes from 8 to 4096; set num-frames, width and height")
    }
  }

  private static func task(_ settings: Settings) throws(ElementError) -> Task {
    let path = settings.motionEmbedding.flatMap { $0.isEmpty ? nil : $0 }
    switch settings.mode {
    case .learn:
      guard let path else {
        throw .resource(
          GST_RESOURCE_ERROR_SETTINGS,
          "mode=learn found no file to write to; set motion-embedding=FILE.safetensors")
      }
      try checkWritable(path)
      return .learn
    case .apply:
      if let path { try checkReadable(path) }
      return .apply
    case .auto:
      guard let path else { return .learnAndApply }
      if access(path, F_OK) == 0 {
        try checkReadable(path)
        return .apply
      }
      try checkWritable(path)
      return .learnAndApply
    }
  }

  private static func checkReadable(_ path: String) throws(ElementError) {
    guard access(path, F_OK) == 0 else {
      throw .resource(
        GST_RESOURCE_ERROR_NOT_FOUND,
        "motion-embedding \(path): \(String(cString: strerror(errno))); learn it first with mode=learn")
    }
    guard access(path, R_OK) == 0 else {
      throw .resource(
        GST_RESOURCE_ERROR_OPEN_READ, "motion-embedding \(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Learning may take long: better to hear now that its result cannot be written.
  private static func checkWritable(_ path: String) throws(ElementError) {
    var folder = "."
    if let slash = path.lastIndex(of: "/") {
      folder = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    guard access(folder, W_OK | X_OK) == 0 else {
      throw .resource(
        GST_RESOURCE_ERROR_OPEN_WRITE,
        "motion-embedding \(path): cannot write in \(folder): \(String(cString: strerror(errno)))")
    }
  }
}
