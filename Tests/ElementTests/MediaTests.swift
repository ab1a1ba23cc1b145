// Files in and out: what is written can be read, and nothing half-written remains.
import CGStreamer
import Foundation
import Media
import MotionTransfer
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Files {
    let folder = ScratchFolder()
    /// A gradient that moves, 32x24: smooth, so that lossy formats come close.
    let clip: Clip = {
      var pixels: [UInt8] = []
      for frame in 0..<6 {
        for y in 0..<24 {
          for x in 0..<32 { pixels += [UInt8(x * 6 + frame * 4), UInt8(y * 8), UInt8(120 + frame * 10)] }
        }
      }
      return Clip(frames: 6, height: 24, width: 32, pixels: pixels)
    }()

    private func failure(_ body: () throws -> Void) -> MotionTransferError? {
      do { try body() } catch { return error as? MotionTransferError }
      return nil
    }

    @Test func rawFramesComeBackAsTheyWere() throws {
      try VideoWriter(folder["clip.rgb"]).write(clip, frameRate: 8)
      #expect(folder.contents == ["clip.rgb"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: folder["clip.rgb"])) == Data(clip.pixels))
      let video = try VideoReader(folder["clip.rgb"]).read(frames: 6, width: 32, height: 24)
      #expect(video.clip == clip)
      let first = try VideoReader(folder["clip.rgb"]).read(frames: 2, width: 32, height: 24)
      #expect(first.clip.pixels == Array(clip.pixels.prefix(2 * 32 * 24 * 3)))
    }

    @Test(arguments: ["frames", "frames/", "100%d"]) func pngFramesAreLossless(_ name: String) throws {
      try VideoWriter(folder[name]).write(clip, frameRate: 8)
      let plain = name.hasSuffix("/") ? String(name.dropLast()) : name
      #expect(folder.contents == [plain])
      for index in 0..<6 {
        let frame = try VideoReader(folder["\(plain)/frame-0000\(index).png"]).read(
          frames: 1, width: 32, height: 24)
        #expect(frame.clip.pixels[...] == clip.pixels[(index * 2304)..<(index + 1) * 2304])
      }
    }

    @Test func aSecondRunReplacesItsOwnFramesOnly() throws {
      try VideoWriter(folder["frames/"]).write(clip, frameRate: 8)
      #expect(FileManager.default.createFile(atPath: folder["frames/notes.txt"], contents: Data()))
      let short = Clip(frames: 2, height: 24, width: 32, pixels: Array(clip.pixels.suffix(2 * 2304)))
      try VideoWriter(folder["frames"]).write(short, frameRate: 8)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder["frames"]).sorted()
      #expect(names == ["frame-00000.png", "frame-00001.png", "notes.txt"])
      #expect(folder.contents == ["frames"])
    }

    @Test(arguments: ["clip.mp4", "clip.MOV", "clip.mkv", "clip.webm", "clip.avi"])
    func videosComeBackClose(_ name: String) throws {
      let writer: VideoWriter
      do {
        writer = try VideoWriter(folder[name])
      } catch {
        // The encoders are optional packages; without them the error names them.
        #expect(error.message.contains("install"))
        return
      }
      try writer.write(clip, frameRate: 12.5)
      #expect(folder.contents == [name])
      let video = try VideoReader(folder[name]).read(frames: 6, width: 32, height: 24)
      #expect(abs((video.frameRate ?? 0) - 12.5) < 0.1)
      let differences = zip(video.clip.pixels, clip.pixels).map { abs(Int($0) - Int($1)) }
      // Chroma has half the resolution, and this clip is small and colourful.
      #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 8)
    }

    @Test func theFrameRateCanBeConverted() throws {
      try VideoWriter(folder["clip.avi"]).write(clip, frameRate: 24)
      let video = try VideoReader(folder["clip.avi"]).read(frames: 2, width: 32, height: 24, frameRate: 8)
      #expect(video.clip.frames == 2)
      // Every third frame: blue grows by 30.
      let blue = (video.clip.pixels[2], video.clip.pixels[2304 + 2])
      #expect(abs(Int(blue.1) - Int(blue.0) - 30) <= 6)
    }

    /// The command line and the element see the same bytes of the same file.
    @Test func theReaderSeesWhatTheElementSees() throws {
      try VideoWriter(folder["clip.avi"]).write(clip, frameRate: 8)
      let video = try VideoReader(folder["clip.avi"]).read(frames: 4, width: 16, height: 8)
      _ = GStreamer.start
      let out = folder["element.rgb"]
      let pipeline = gst_parse_launch(
        "filesrc location=\(folder["clip.avi"]) ! decodebin ! motiontransfer mode=learn reference-prompt=x "
          + "motion-embedding=\(folder["x.safetensors"]) ! filesink location=\(out)", nil)!
      defer {
        gst_element_set_state(pipeline, GST_STATE_NULL)
        gst_object_unref(pipeline)
      }
      gst_element_set_state(pipeline, GST_STATE_PLAYING)
      let bus = gst_element_get_bus(pipeline)!
      defer { gst_object_unref(bus) }
      let wanted = GstMessageType(GST_MESSAGE_EOS.rawValue | GST_MESSAGE_ERROR.rawValue)
      let message = gst_bus_timed_pop_filtered(bus, 20_000_000_000, wanted)
      #expect(message.map { cgst_message_type($0) } == GST_MESSAGE_EOS)
      if let message { gst_message_unref(message) }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: out))
      #expect(bytes.count == 6 * 16 * 8 * 3)
      #expect(bytes.prefix(video.clip.pixels.count) == Data(video.clip.pixels))
    }

    @Test func tooFewFrames() throws {
      try VideoWriter(folder["clip.avi"]).write(clip, frameRate: 8)
      let error = failure { _ = try VideoReader(folder["clip.avi"]).read(frames: 7, width: 32, height: 24) }
      #expect(error?.kind == .badData)
      #expect(error?.message.contains("found 6 frames, expected at least 7") ?? false)
      try VideoWriter(folder["clip.rgb"]).write(clip, frameRate: 8)
      let raw = failure { _ = try VideoReader(folder["clip.rgb"]).read(frames: 7, width: 32, height: 24) }
      #expect(raw?.kind == .badData)
      let odd = failure { _ = try VideoReader(folder["clip.rgb"]).read(frames: 1, width: 33, height: 24) }
      #expect(odd?.kind == .badData)
    }

    @Test func filesThatAreNoVideos() throws {
      let text = folder["notes.mp4"]
      #expect(FileManager.default.createFile(atPath: text, contents: Data(repeating: 65, count: 5000)))
      #expect(failure { _ = try VideoReader(text).read(frames: 1, width: 8, height: 8) }?.kind == .badData)
      let empty = folder["empty.mp4"]
      #expect(FileManager.default.createFile(atPath: empty, contents: Data()))
      #expect(failure { _ = try VideoReader(empty).read(frames: 1, width: 8, height: 8) } != nil)
      #expect(
        failure { _ = try VideoReader(folder["none.mp4"]).read(frames: 1, width: 8, height: 8) }?.kind
          == .notFound)
      #expect(
        failure { _ = try VideoReader(folder.path).read(frames: 1, width: 8, height: 8) }?.kind == .unreadable
      )
    }

    @Test func soundWithoutPictures() throws {
      var wav = Data("RIFF".utf8) + Data([0x24, 0x7d, 0, 0]) + Data("WAVEfmt ".utf8)
      wav +=
        Data([16, 0, 0, 0, 1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0]) + Data("data".utf8)
      wav += Data([0, 0x7d, 0, 0]) + Data(repeating: 0, count: 32000)
      #expect(FileManager.default.createFile(atPath: folder["sound.wav"], contents: wav))
      let start = Date()
      #expect(
        failure { _ = try VideoReader(folder["sound.wav"]).read(frames: 1, width: 8, height: 8) } != nil)
      #expect(Date().timeIntervalSince(start) < 10)
    }

    @Test func outputsThatCannotBe() {
      #expect(failure { _ = try VideoWriter(folder["clip.xyz"]) }?.kind == .settings)
      #expect(failure { _ = try VideoWriter("") }?.kind == .settings)
      #expect(failure { _ = try VideoWriter("/nowhere/clip.rgb") }?.kind == .unwritable)
      #expect(failure { _ = try VideoWriter("/dev/full/clip.rgb") }?.kind == .unwritable)
    }

    @Test(arguments: ["clip.mkv", "frames/"]) func nothingRemainsAfterAnInterruption(_ name: String) throws {
      let error = failure {
        try VideoWriter(folder[name]).write(clip, frameRate: 8, isCancelled: { true })
      }
      #expect(error?.kind == .cancelled)
      #expect(folder.contents.isEmpty)
    }
  }
}
