// The conversion that the element and the command line share.
import CGStreamer
import Media
import Testing

extension ElementSuite {
  @Suite struct FrameConverters {
    /// Converts one gray frame, (height, width), to `to` pixels; returns its first channel.
    private func convert(_ gray: [UInt8], _ from: (width: Int, height: Int), to: (width: Int, height: Int))
      throws
      -> [UInt8]
    {
      _ = GStreamer.start
      let caps = gst_caps_from_string(
        "video/x-raw,format=RGBx,width=\(from.width),height=\(from.height),framerate=8/1")!
      defer { gst_caps_unref(caps) }
      let converter = try FrameConverter(from: caps, width: to.width, height: to.height)
      let bytes = gray.flatMap { [$0, $0, $0, 255] as [UInt8] }
      let buffer = gst_buffer_new_allocate(nil, UInt(bytes.count), nil)!
      defer { gst_buffer_unref(buffer) }
      gst_buffer_fill(buffer, 0, bytes, UInt(bytes.count))
      var pixels: [UInt8] = [1, 2, 3]
      try converter.convert(buffer, appendingTo: &pixels)
      #expect(pixels.prefix(3) == [1, 2, 3])
      #expect(pixels.count == 3 + to.width * to.height * 3)
      return stride(from: 3, to: pixels.count, by: 3).map { pixels[$0] }
    }

    @Test func theSameSizeIsTheSameBytes() throws {
      let gray = (0..<16 * 8).map { UInt8($0 * 2) }
      #expect(try convert(gray, (16, 8), to: (16, 8)) == gray)
    }

    @Test(arguments: [8, 16, 32, 100]) func shrinkingAverages(_ factor: Int) throws {
      // Stripes one pixel wide: without antialiasing the result is black or white.
      let (width, height) = (16 * factor, 8 * factor)
      let gray = (0..<width * height).map { $0 % width % 2 == 0 ? UInt8(0) : 255 }
      let small = try convert(gray, (width, height), to: (16, 8))
      // At the borders GStreamer repeats the outermost pixel.
      for row in 0..<8 {
        let inner = small[(row * 16 + 1)..<(row * 16 + 15)]
        #expect(inner.allSatisfy { 120...135 ~= $0 }, "\(Array(inner))")
      }
    }

    @Test func shrinkingIsATriangleOverTheScale() throws {
      // One white column in 64: the weights of a triangle 4 pixels wide on each side, around pixel centres.
      var gray = [UInt8](repeating: 0, count: 64 * 8)
      for row in 0..<8 { gray[row * 64 + 33] = 255 }
      let small = try convert(gray, (64, 8), to: (16, 8))
      for column in 0..<16 {
        let distance = abs((Double(column) + 0.5) * 4 - 33.5) / 4
        let expected = max(0, 1 - distance) / 4 * 255
        #expect(
          abs(Double(small[column]) - expected) <= 2, "column \(column): \(small[column]) and \(expected)")
      }
    }

    @Test func growingInterpolates() throws {
      let gray = [[UInt8]](repeating: [0, 80, 160, 240], count: 8).flatMap { $0 }
      let large = try convert(gray, (4, 8), to: (16, 8))
      for column in 2..<14 {
        let expected = (Double(column) + 0.5) / 4 * 80 - 40
        #expect(
          abs(Double(large[column]) - expected) <= 1.5, "column \(column): \(large[column]) and \(expected)")
      }
    }

    @Test(arguments: [("bt601", [81, 90, 240], [255, 0, 0]), ("bt709", [63, 102, 240], [255, 0, 0])])
    func theMatrixComesFromTheCaps(_ matrix: String, _ yuv: [UInt8], _ rgb: [UInt8]) throws {
      _ = GStreamer.start
      let caps = gst_caps_from_string(
        "video/x-raw,format=Y444,width=8,height=8,framerate=8/1,colorimetry=\(matrix)")!
      defer { gst_caps_unref(caps) }
      let converter = try FrameConverter(from: caps, width: 8, height: 8)
      let bytes = yuv.flatMap { [UInt8](repeating: $0, count: 64) }
      let buffer = gst_buffer_new_allocate(nil, UInt(bytes.count), nil)!
      defer { gst_buffer_unref(buffer) }
      gst_buffer_fill(buffer, 0, bytes, UInt(bytes.count))
      var pixels: [UInt8] = []
      try converter.convert(buffer, appendingTo: &pixels)
      for (found, expected) in zip(pixels, rgb) { #expect(abs(Int(found) - Int(expected)) <= 3) }
    }

    /// What videotestsrc draws, as the model sees it, after a journey through another format.
    private func pattern(_ format: String, colorimetry: String?) throws -> [UInt8] {
      _ = GStreamer.start
      let colours = colorimetry.map { ",colorimetry=\($0)" } ?? ""
      let pipeline = gst_parse_launch(
        "videotestsrc pattern=smpte num-buffers=1 ! video/x-raw,format=RGB,width=320,height=240 ! videoconvert "
          + "! video/x-raw,format=\(format)\(colours) ! appsink name=a sync=false", nil)!
      gst_object_ref_sink(pipeline)
      gst_element_set_state(pipeline, GST_STATE_PLAYING)
      let sink = gst_bin_get_by_name(cgst_bin(pipeline), "a")
      defer {
        gst_element_set_state(pipeline, GST_STATE_NULL)
        gst_object_unref(sink)
        gst_object_unref(pipeline)
      }
      let sample = try #require(gst_app_sink_try_pull_sample(cgst_app_sink(sink), 10_000_000_000))
      defer { gst_sample_unref(sample) }
      let converter = try FrameConverter(from: gst_sample_get_caps(sample), width: 32, height: 24)
      var pixels: [UInt8] = []
      try converter.convert(gst_sample_get_buffer(sample), appendingTo: &pixels)
      return pixels
    }

    @Test(
      arguments: [
        "I420", "YV12", "Y42B", "Y444", "NV12", "NV21", "NV16", "NV24", "YUY2", "UYVY", "YVYU", "AYUV", "I420_10LE",
        "P010_10LE",
      ], ["bt601", "bt709", "1:4:7:1"])
    func coloursSurviveEveryFormat(_ format: String, _ colorimetry: String) throws {
      let expected = try pattern("RGB", colorimetry: nil)
      let found = try pattern(format, colorimetry: colorimetry)
      let difference = zip(found, expected).map { abs(Int($0) - Int($1)) }
      // Halved chroma blurs the edges between the bars by a pixel of ten.
      #expect(difference.max()! <= 24, "\(difference.max()!)")
      #expect(difference.reduce(0, +) <= 4 * difference.count, "\(difference.reduce(0, +))")
    }

    @Test(
      arguments: ["BGR", "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR", "GBR"])
    func ordersOfColoursMakeNoDifference(_ format: String) throws {
      let expected = try pattern("RGB", colorimetry: nil)
      let found = try pattern(format, colorimetry: nil)
      #expect(zip(found, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test func otherCapsAreRefused() {
      _ = GStreamer.start
      let caps = gst_caps_from_string("audio/x-raw,rate=48000")!
      defer { gst_caps_unref(caps) }
      #expect(throws: FrameError.self) { try FrameConverter(from: caps, width: 8, height: 8) }
    }
  }
}
