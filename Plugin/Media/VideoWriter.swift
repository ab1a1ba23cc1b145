// A clip to a file: a video, a folder of PNG frames, or raw RGB.
import CGStreamer
public import MotionTransfer

/// Writes a clip. The name decides the format: `.mp4`, `.m4v`, `.mov`, `.mkv`, `.webm`, `.avi`; `.rgb` (raw
/// frames, (F, H, W, 3)); a folder of `frame-00000.png` ... when the name ends in `/`, is a folder, or has no
/// extension.
///
/// The output is written beside its place and renamed into it: after an error nothing half-written remains.
/// Frames of an earlier run in the same folder are replaced, other files there stay.
public struct VideoWriter: Sendable {
  /// What is written.
  public let path: String
  private let format: Format

  enum Format: Sendable, Equatable {
    case raw
    case frames
    /// Elements from `videoconvert` to the muxer.
    case video(String)
  }

  /// A writer to `path`. Fails before any time is spent on a clip that could not be written.
  ///
  /// - Throws: `settings` for an unknown extension, `unwritable` for a folder that is missing or read-only,
  ///   `failed`
  ///   when no encoder for the extension is installed.
  public init(_ path: String) throws(MotionTransferError) {
    self.path = path
    self.format = try VideoWriter.format(of: path)
    try Output(path).check()
    if format == .frames {
      try VideoWriter.require("pngenc", package: "gstreamer1.0-plugins-good", for: path)
    }
  }

  /// Writes all frames of `clip`.
  ///
  /// - Parameters:
  ///   - frameRate: frames a second; not stored in `.rgb` and PNG.
  ///   - isCancelled: polled at least ten times a second.
  /// - Throws: `unwritable`, `noSpace`, `cancelled`, or `failed` for what the encoder reports.
  public func write(
    _ clip: Clip, frameRate: Double, isCancelled: @Sendable () -> Bool = { false }
  ) throws(MotionTransferError) {
    guard clip.frames > 0, clip.pixels.count == clip.frames * clip.height * clip.width * 3 else {
      throw MotionTransferError(.failed, "\(path): found a clip of \(clip.frames) frames, nothing to write")
    }
    let output = Output(path)
    do throws(MotionTransferError) {
      switch format {
      case .raw:
        try output.write(clip.pixels)
        try output.commitFile()
      case .video(let encoder):
        let tail = "\(encoder) ! filesink name=file"
        try encode(clip, frameRate, tail, to: output.partial, isCancelled)
        try output.commitFile()
      case .frames:
        try output.makeFolder()
        let pattern = output.partial.split(separator: "%", omittingEmptySubsequences: false).joined(
          separator: "%%")
        let tail = "pngenc ! multifilesink name=file"
        try encode(clip, frameRate, tail, to: pattern + "/" + Output.framePattern, isCancelled)
        try output.commitFolder()
      }
    } catch {
      output.discard()
      throw error
    }
  }

  private func encode(
    _ clip: Clip, _ perSecond: Double, _ tail: String, to location: String,
    _ isCancelled: @Sendable () -> Bool
  ) throws(MotionTransferError) {
    let pipeline = try Pipeline("appsrc name=frames format=time ! \(tail)", file: path)
    let rate = FrameRate(perSecond.isFinite && perSecond > 0 ? perSecond : 25)
    var info = GstVideoInfo()
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, UInt32(clip.width), UInt32(clip.height))
    info.fps_n = rate.numerator
    info.fps_d = rate.denominator
    guard let caps = gst_video_info_to_caps(&info) else {
      throw MotionTransferError(.failed, "\(path): found \(clip.width)x\(clip.height), no such video")
    }
    defer { gst_caps_unref(caps) }
    try pipeline.with("file") { cgst_set_string($0, "location", location) }
    try pipeline.with("frames") { cgst_set_caps($0, "caps", caps) }
    try pipeline.start()
    // All frames are queued at once: the clip is in memory anyway, and appsrc only keeps references.
    for index in 0..<clip.frames {
      guard let buffer = FrameBuffer.make(clip, frame: index, info: &info) else {
        throw MotionTransferError(.failed, "\(path): no memory for frame \(index)")
      }
      buffer.pointee.pts = rate.time(of: index)
      buffer.pointee.duration = rate.time(of: index + 1) - rate.time(of: index)
      try pipeline.with("frames") { _ = gst_app_src_push_buffer(cgst_app_src($0), buffer) }
    }
    try pipeline.with("frames") { _ = gst_app_src_end_of_stream(cgst_app_src($0)) }
    while !pipeline.isAtEnd {
      if isCancelled() { throw MotionTransferError(.cancelled, "\(path): writing was interrupted") }
      try pipeline.check(waiting: 50)
    }
  }
}

extension VideoWriter {
  /// Encoder and muxer candidates per extension, best first. Named here and not left to encodebin, so that
  /// quality and chroma format (4:2:0, which every player shows) do not depend on what else is installed.
  private static let encoders: [String: [(element: String, launch: String)]] = {
    let h264 = [
      ("x264enc", "x264enc pass=qual quantizer=18"),
      ("openh264enc", "openh264enc bitrate=4000000 ! h264parse"),
    ]
    let mpeg4 = [("avenc_mpeg4", "avenc_mpeg4 bitrate=4000000")]
    let vp8 = [
      ("vp8enc", "vp8enc end-usage=cq cq-level=8 max-quantizer=40 target-bitrate=8000000 deadline=1000000")
    ]
    let vp9 = [
      ("vp9enc", "vp9enc end-usage=cq cq-level=16 target-bitrate=8000000 deadline=1000000 cpu-used=4")
    ]
    let motionJPEG = [("jpegenc", "jpegenc quality=95")]
    func muxed(_ encoders: [(String, String)], _ muxer: String) -> [(element: String, launch: String)] {
      encoders.map { ($0.0, "videoconvert ! video/x-raw,format=I420 ! \($0.1) ! \(muxer)") }
    }
    return [
      "mp4": muxed(h264 + mpeg4, "mp4mux"), "m4v": muxed(h264 + mpeg4, "mp4mux"),
      "mov": muxed(h264 + mpeg4 + motionJPEG, "qtmux"),
      "mkv": muxed(h264 + vp9 + vp8 + motionJPEG, "matroskamux"), "webm": muxed(vp9 + vp8, "webmmux"),
      "avi": muxed(motionJPEG, "avimux"),
    ]
  }()

  private static func format(of path: String) throws(MotionTransferError) -> Format {
    guard !path.isEmpty else {
      throw MotionTransferError(.settings, "the output has no name")
    }
    let name = path.split(separator: "/").last ?? ""
    guard !path.hasSuffix("/"), !Output.isFolder(path), let dot = name.lastIndex(of: "."),
      dot != name.startIndex
    else { return .frames }
    let suffix = name[name.index(after: dot)...].lowercased()
    if suffix == "rgb" { return .raw }
    guard let candidates = encoders[suffix] else {
      let known = (encoders.keys + ["rgb"]).sorted().map { ".\($0)" }.joined(separator: ", ")
      throw MotionTransferError(
        .settings,
        "\(path): found extension .\(suffix), expected one of \(known), or a folder (a name ending in /)")
    }
    try GStreamerLibrary.start()
    for candidate in candidates where GStreamerLibrary.has(candidate.element) {
      return .video(candidate.launch)
    }
    throw MotionTransferError(
      .failed,
      "\(path): found none of the encoders \(candidates.map(\.element).joined(separator: ", ")); "
        + "install gstreamer1.0-plugins-good, gstreamer1.0-plugins-ugly or gstreamer1.0-libav")
  }

  private static func require(_ element: String, package: String, for path: String)
    throws(MotionTransferError)
  {
    try GStreamerLibrary.start()
    guard GStreamerLibrary.has(element) else {
      throw MotionTransferError(.failed, "\(path): found no element \(element); install \(package)")
    }
  }
}
