import Checkpoints
import Glibc
import Media
import Metrics
import MotionTransfer

/// What a measurement leaves: `results.jsonl`, `embeddings`, the first seed's `clips`, `table.md`, `sheets`.
struct MeasurementFolder {
  let path: String

  /// Makes the folders that are missing.
  init(_ path: String) throws {
    self.path = path
    for folder in ["", "/embeddings", "/clips", "/sheets"] {
      guard mkdir(path + folder, 0o777) == 0 || errno == EEXIST else {
        throw MotionTransferError(.unwritable, "\(path)\(folder): the folder cannot be made; name another.")
      }
    }
    // A sheet that could not be written shall not be found out after hours.
    _ = try VideoWriter(path + "/sheets/")
  }

  var results: String { path + "/results.jsonl" }

  func embedding(_ name: String) -> String { "\(path)/embeddings/\(name).motion.safetensors" }

  private func clip(_ id: String) -> String { "\(path)/clips/\(id).rgb" }

  func keep(_ clip: Clip, _ id: String) throws { try VideoWriter(self.clip(id)).write(clip, frameRate: 8) }

  /// nil: none was kept, or one of another size.
  func kept(_ id: String, like other: Clip) -> Clip? {
    let path = clip(id)
    var status = stat()
    guard stat(path, &status) == 0, Int(status.st_size) == other.pixels.count else { return nil }
    return try? VideoReader(path).read(frames: other.frames, width: other.width, height: other.height).clip
  }

  func write(_ text: String, _ name: String) throws {
    try AtomicFile.write(to: "\(path)/\(name)") { append in
      try Array(text.utf8).withUnsafeBytes { try append($0) }
    }
  }

  /// Per reference, a folder of pictures, one for each prompt: the reference above, the rows of the table below, at most 8 frames
  /// of each from left to right. A clip that is missing, or of another size, stays black.
  func writeSheets(_ measurement: Measurement) throws {
    let first = measurement.tasks.filter { $0.seed == measurement.base.seed }
    for reference in measurement.references {
      let tasks = first.filter { $0.reference.definition.name == reference.definition.name }
      let prompts = reference.definition.prompts.filter { prompt in tasks.contains { $0.prompt == prompt } }
      let sheets = prompts.map { prompt in
        [reference.clips[0].clip]
          + tasks.filter { $0.prompt == prompt }.map { task in
            kept(task.id, like: reference.clips[0].clip)
          }
      }
      try VideoWriter("\(path)/sheets/\(reference.definition.name)/")
        .write(Self.sheets(sheets, like: reference.clips[0].clip), frameRate: 1)
    }
  }

  /// One frame per sheet; all sheets have as many rows.
  private static func sheets(_ sheets: [[Clip?]], like clip: Clip) -> Clip {
    let columns = min(8, clip.frames)
    let gap = 2
    let (height, width) = (clip.height + gap, clip.width + gap)
    let rows = sheets.first?.count ?? 0
    let line = columns * width * 3
    var pixels = [UInt8](repeating: 0, count: sheets.count * rows * height * line)
    for (sheet, strips) in sheets.enumerated() {
      for (row, strip) in strips.enumerated() {
        guard let strip else { continue }
        for column in 0..<columns {
          let frame = columns > 1 ? column * (strip.frames - 1) / (columns - 1) : 0
          for y in 0..<strip.height {
            let from = (frame * strip.height + y) * strip.width * 3
            let to = ((sheet * rows + row) * height + y) * line + column * width * 3
            pixels.replaceSubrange(to..<to + strip.width * 3, with: strip.pixels[from..<from + strip.width * 3])
          }
        }
      }
    }
    return Clip(frames: sheets.count, height: rows * height, width: columns * width, pixels: pixels)
  }
}
