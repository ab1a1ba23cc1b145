// Any raw video frame to packed full-range RGB at the model's size. The element and the command line's reader
// both convert here, so the same input gives both the same bytes.
public import CGStreamer

/// Why a frame could not be converted, in a sentence that says what was found and what was expected.
public struct FrameError: Error, Sendable, Equatable {
  /// Found and expected.
  public let message: String
}

/// Converts frames of one format and size to `width * height * 3` bytes of RGB.
///
/// Scaling is bilinear and stretches to the given size; when shrinking, the triangle widens with the scale,
/// so that every input pixel counts (antialiasing). The colour matrix and range come from the caps; RGB is
/// full range. A frame in one of the common formats of 8 bits a channel that is at least twice as large is shrunk
/// plane by plane before its colours are converted: several times faster; results differ by rounding and by where
/// halved chroma lies. An interlaced frame is taken as one frame: put `deinterlace` in front where that matters.
///
/// Not thread-safe: one thread at a time.
public final class FrameConverter {
  /// Width of the result in pixels.
  public let width: Int
  /// Height of the result in pixels.
  public let height: Int
  /// How the input is interlaced, in GStreamer's words; nil when it is progressive.
  public let interlaceMode: String?
  private var input: GstVideoInfo
  private var steps: [Step]

  /// A converter for frames with these caps.
  ///
  /// - Parameters:
  ///   - caps: fixed `video/x-raw` caps.
  ///   - width, height: size of the result in pixels.
  /// - Throws: when the caps are not raw video, or there is no conversion from their format.
  public init(from caps: UnsafePointer<GstCaps>, width: Int, height: Int) throws(FrameError) {
    var input = GstVideoInfo()
    guard gst_video_info_from_caps(&input, caps) != 0 else {
      throw FrameError(message: "found \(FrameConverter.describe(caps)), expected raw video in system memory")
    }
    interlaceMode =
      input.interlace_mode == GST_VIDEO_INTERLACE_MODE_PROGRESSIVE
      ? nil : String(cString: gst_video_interlace_mode_to_string(input.interlace_mode))
    // GstVideoConverter does not deinterlace: both sides must say the same.
    input.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE
    var steps: [Step] = []
    for output in FrameConverter.route(from: input, width: width, height: height) {
      guard let step = Step(from: steps.last?.output ?? input, to: output) else {
        throw FrameError(message: "no conversion from \(FrameConverter.describe(caps)) to RGB")
      }
      steps.append(step)
    }
    self.input = input
    self.steps = steps
    self.width = width
    self.height = height
  }

  /// What each GstVideoConverter makes on the way to RGB of the wanted size.
  private static func route(from input: GstVideoInfo, width: Int, height: Int) -> [GstVideoInfo] {
    var rgb = GstVideoInfo()
    cgst_video_info_set_packed_rgb(&rgb, UInt32(width), UInt32(height))
    if Int(input.width) < width {
      // Where the width grows, GstVideoConverter 1.22 stretches 32-bit pixels, YUV among them, from corner to corner
      // and 24-bit ones around pixel centres, as everyone else does: convert first, then stretch RGB.
      var converted = GstVideoInfo()
      cgst_video_info_set_packed_rgb(&converted, UInt32(input.width), UInt32(input.height))
      return [converted, rgb]
    }
    guard Int(input.width) >= 2 * width, Int(input.height) >= 2 * height else { return [rgb] }
    switch input.finfo.pointee.format {
    case GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_UYVY:
      // Taking the planes apart is cheap.
      let planar = like(input, GST_VIDEO_FORMAT_Y42B, Int(input.width), Int(input.height))
      return [planar, like(input, GST_VIDEO_FORMAT_Y444, width, height), rgb]
    case let format:
      return (shrinkable(format).map { [like(input, $0, width, height)] } ?? []) + [rgb]
    }
  }

  /// Frames as `input` says in another format and size.
  private static func like(_ input: GstVideoInfo, _ format: GstVideoFormat, _ width: Int, _ height: Int) -> GstVideoInfo
  {
    var info = GstVideoInfo()
    gst_video_info_set_format(&info, format, UInt32(width), UInt32(height))
    // GstVideoConverter has its fast ways only where these agree.
    info.colorimetry = input.colorimetry
    info.chroma_site = input.chroma_site
    return info
  }

  /// The format with full chroma that GstVideoConverter shrinks `input` to plane by plane; nil where it has none.
  private static func shrinkable(_ input: GstVideoFormat) -> GstVideoFormat? {
    switch input {
    case GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_YV12, GST_VIDEO_FORMAT_Y42B, GST_VIDEO_FORMAT_Y444:
      GST_VIDEO_FORMAT_Y444
    case GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_NV16, GST_VIDEO_FORMAT_NV24:
      GST_VIDEO_FORMAT_NV24
    case GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_BGR, GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx,
      GST_VIDEO_FORMAT_xRGB, GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRA,
      GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_ABGR, GST_VIDEO_FORMAT_AYUV, GST_VIDEO_FORMAT_GBR,
      GST_VIDEO_FORMAT_GRAY8:
      input
    default: nil
    }
  }

  /// One GstVideoConverter.
  private final class Step {
    var output: GstVideoInfo
    private let converter: OpaquePointer

    init?(from input: GstVideoInfo, to output: GstVideoInfo) {
      var input = input
      var output = output
      output.fps_n = input.fps_n
      output.fps_d = input.fps_d
      // A triangle over `scale` input pixels on each side of the centre.
      let scale = max(input.width / output.width, input.height / output.height) + 1
      let settings = cgst_converter_settings(UInt32(max(128, 2 * scale + 2)))
      guard let converter = gst_video_converter_new(&input, &output, settings) else { return nil }
      self.converter = converter
      self.output = output
    }

    deinit { gst_video_converter_free(converter) }

    func convert(_ frame: inout GstVideoFrame, to pixels: UnsafeMutablePointer<UInt8>) {
      var target = cgst_video_frame_over(&output, pixels)
      gst_video_converter_frame(converter, &frame, &target)
    }
  }

  /// Appends one frame, (height, width, 3), to `pixels`.
  ///
  /// - Throws: when the buffer is smaller than its caps say, or cannot be read.
  public func convert(_ buffer: UnsafeMutablePointer<GstBuffer>, appendingTo pixels: inout [UInt8])
    throws(FrameError)
  {
    var frame = try map(buffer)
    defer { gst_video_frame_unmap(&frame) }
    let start = pixels.count
    pixels.append(contentsOf: repeatElement(0, count: width * height * 3))
    pixels.withUnsafeMutableBufferPointer { all in
      guard let base = all.baseAddress else { return }
      run(steps[...], &frame, to: base + start)
    }
  }

  private func run(_ steps: ArraySlice<Step>, _ frame: inout GstVideoFrame, to pixels: UnsafeMutablePointer<UInt8>) {
    guard let step = steps.first else { return }
    guard steps.count > 1 else { return step.convert(&frame, to: pixels) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(step.output.size)) { middle in
      guard let middlePixels = middle.baseAddress else { return }
      step.convert(&frame, to: middlePixels)
      var middleFrame = cgst_video_frame_over(&step.output, middlePixels)
      run(steps.dropFirst(), &middleFrame, to: pixels)
    }
  }

  /// Checks that a frame could be converted, without doing so.
  ///
  /// - Throws: as `convert`.
  public func check(_ buffer: UnsafeMutablePointer<GstBuffer>) throws(FrameError) {
    var frame = try map(buffer)
    gst_video_frame_unmap(&frame)
  }

  private func map(_ buffer: UnsafeMutablePointer<GstBuffer>) throws(FrameError) -> GstVideoFrame {
    var frame = GstVideoFrame()
    guard gst_video_frame_map(&frame, &input, buffer, GST_MAP_READ) != 0 else {
      throw FrameError(
        message: "found a frame of \(gst_buffer_get_size(buffer)) bytes, expected \(input.size) bytes "
          + "for \(input.width)x\(input.height)")
    }
    return frame
  }

  private static func describe(_ caps: UnsafePointer<GstCaps>) -> String {
    guard let text = gst_caps_to_string(caps) else { return "unknown caps" }
    defer { g_free(text) }
    return String(cString: text)
  }
}
