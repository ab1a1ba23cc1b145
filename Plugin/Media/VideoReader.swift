// The first frames of a file: a video that GStreamer decodes, or raw RGB.
import CGStreamer
public import MotionTransfer
import Synchronization

/// Reads the first frames of a reference video at the model's size.
///
/// A path that ends in `.rgb` is raw frames of exactly the size asked for, (F, H, W, 3), and never starts
/// GStreamer. Any other file is decoded by `decodebin` and converted by `FrameConverter`, as the element
/// does.
public struct VideoReader: Sendable {
  /// The file.
  public let path: String

  /// Frames read, and their rate where the file states one.
  public struct Video: Sendable {
    /// (F, H, W, 3), full-range RGB.
    public let clip: Clip
    /// Frames a second; nil when the file does not say.
    public let frameRate: Double?
  }

  /// A reader of the file at `path`; nothing is opened yet.
  public init(_ path: String) {
    self.path = path
  }

  /// Reads the first `frames` frames.
  ///
  /// - Parameters:
  ///   - frames: how many; fewer in the file is an error.
  ///   - width, height: the size of the result in pixels; for `.rgb` also the size in the file.
  ///   - frameRate: frames a second to convert to before counting; nil leaves the file's own. Ignored for `.rgb`.
  ///   - isCancelled: polled at least ten times a second.
  /// - Throws: `notFound`, `unreadable` (also: no decoder), `badData` (also: too few frames), `cancelled`.
  public func read(
    frames: Int, width: Int, height: Int, frameRate: Double? = nil,
    isCancelled: @Sendable () -> Bool = { false }
  ) throws(MotionTransferError) -> Video {
    guard 1...65536 ~= frames, 1...16384 ~= width, 1...16384 ~= height else {
      throw MotionTransferError(
        .settings,
        "found \(frames) frames of \(width)x\(height), expected 1 to 65536 frames of at most 16384x16384")
    }
    if path.hasSuffix(".rgb") { return try readRaw(frames: frames, width: width, height: height) }
    try InputFile.check(path)
    var rate = ""
    if let frameRate {
      guard frameRate > 0, frameRate.isFinite else {
        throw MotionTransferError(.settings, "found frame rate \(frameRate), expected one above 0")
      }
      let fraction = FrameRate(frameRate)
      rate = "! videorate ! video/x-raw,framerate=\(fraction.numerator)/\(fraction.denominator)"
    }
    let pipeline = try Pipeline(
      "filesrc name=file ! decodebin name=decoder ! capsfilter name=pictures caps=video/x-raw \(rate) "
        + "! appsink name=frames sync=false max-buffers=4",
      file: path)
    let watch = try DecoderWatch(pipeline)
    try pipeline.with("file") { cgst_set_string($0, "location", path) }
    try pipeline.start()
    var decoded = Decoded(width: width, height: height, wanted: frames)
    while decoded.frames < frames {
      if isCancelled() { throw MotionTransferError(.cancelled, "\(path): reading was interrupted") }
      try pipeline.check()
      if watch.isComplete { try requirePictures(pipeline) }
      let (sample, isAtEnd) = try pipeline.with("frames") { element in
        let sink = cgst_app_sink(element)
        return (gst_app_sink_try_pull_sample(sink, 50_000_000), gst_app_sink_is_eos(sink) != 0)
      }
      if let sample {
        defer { gst_sample_unref(sample) }
        try decoded.append(sample, path: path)
      } else if isAtEnd {
        break
      }
    }
    try pipeline.check()
    return try decoded.video(path: path)
  }

  /// Once the decoder has named all its streams: a file with sound alone would never end.
  private func requirePictures(_ pipeline: Pipeline) throws(MotionTransferError) {
    let isLinked = try pipeline.with("pictures") { element in
      guard let pad = gst_element_get_static_pad(element, "sink") else { return false }
      defer { gst_object_unref(pad) }
      return gst_pad_is_linked(pad) != 0
    }
    guard !isLinked else { return }
    try pipeline.check()
    throw pipeline.missingPlugin
      ?? MotionTransferError(.badData, "\(path): found no video stream, expected a file with moving pictures")
  }

  private func readRaw(frames: Int, width: Int, height: Int) throws(MotionTransferError) -> Video {
    let frame = width * height * 3
    let size = try InputFile.check(path)
    guard size % frame == 0, size > 0 else {
      throw MotionTransferError(
        .badData,
        "\(path): found \(size) bytes, expected whole frames of \(width)x\(height) RGB (\(frame) bytes each); "
          + "give the size of the file's frames as width and height")
    }
    guard size / frame >= frames else { throw tooFew(found: size / frame, expected: frames, path: path) }
    let pixels = try InputFile.read(path, bytes: frames * frame)
    return Video(clip: Clip(frames: frames, height: height, width: width, pixels: pixels), frameRate: nil)
  }
}

/// Whether decodebin has made all its pads. The signal's connection keeps it alive.
private final class DecoderWatch: Sendable {
  private let hasAllPads = Atomic<Bool>(false)

  init(_ pipeline: Pipeline) throws(MotionTransferError) {
    let context = Unmanaged.passRetained(self).toOpaque()
    try pipeline.with("decoder") { decoder in
      let callback: @convention(c) (gpointer?, gpointer?) -> Void = { _, context in
        guard let context else { return }
        Unmanaged<DecoderWatch>.fromOpaque(context).takeUnretainedValue()
          .hasAllPads.store(true, ordering: .relaxed)
      }
      _ = g_signal_connect_data(
        decoder, "no-more-pads", unsafeBitCast(callback, to: GCallback.self), context,
        { context, _ in
          if let context { Unmanaged<DecoderWatch>.fromOpaque(context).release() }
        }, GConnectFlags(0))
    }
  }

  var isComplete: Bool { hasAllPads.load(ordering: .relaxed) }
}

/// The frames that came so far, converted.
private struct Decoded {
  let width: Int
  let height: Int
  let wanted: Int
  private(set) var frames = 0
  private var pixels: [UInt8] = []
  private var caps = ""
  private var converter: FrameConverter?
  private var frameRate: Double?

  init(width: Int, height: Int, wanted: Int) {
    self.width = width
    self.height = height
    self.wanted = wanted
    pixels.reserveCapacity(wanted * width * height * 3)
  }

  mutating func append(_ sample: OpaquePointer, path: String) throws(MotionTransferError) {
    guard let buffer = gst_sample_get_buffer(sample), let sampleCaps = gst_sample_get_caps(sample) else {
      return
    }
    do throws(FrameError) {
      let converter = try converter(for: sampleCaps)
      try converter.convert(buffer, appendingTo: &pixels)
      frames += 1
    } catch {
      throw MotionTransferError(.badData, "\(path): frame \(frames): \(error.message)")
    }
  }

  /// The converter for these caps: made anew when they change.
  private mutating func converter(for sampleCaps: UnsafeMutablePointer<GstCaps>) throws(FrameError)
    -> FrameConverter
  {
    let text = gst_caps_to_string(sampleCaps)
    defer { g_free(text) }
    let description = text.map { String(cString: $0) } ?? ""
    if let converter, description == caps { return converter }
    let made = try FrameConverter(from: sampleCaps, width: width, height: height)
    if frames == 0 { frameRate = FrameRate(of: sampleCaps)?.perSecond }
    caps = description
    converter = made
    return made
  }

  func video(path: String) throws(MotionTransferError) -> VideoReader.Video {
    guard frames >= wanted else { throw tooFew(found: frames, expected: wanted, path: path) }
    return VideoReader.Video(
      clip: Clip(frames: frames, height: height, width: width, pixels: pixels), frameRate: frameRate)
  }
}

private func tooFew(found: Int, expected: Int, path: String) -> MotionTransferError {
  MotionTransferError(
    .badData,
    "\(path): found \(found) frames, expected at least \(expected); use a longer video or fewer frames")
}
