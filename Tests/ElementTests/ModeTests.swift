// learn, apply, auto; progress and clip messages; statistics.
import CGStreamer
import CGstCheck
import Foundation
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Modes {
    let folder = ScratchFolder()
    var file: String { folder["walk.safetensors"] }

    private func write(_ bytes: [UInt8]) {
      #expect(FileManager.default.createFile(atPath: file, contents: Data(bytes)))
    }

    @Test func learnPassesTheInputThroughAndWritesTheFileBeforeEOS() throws {
      let harness = ElementHarness(["mode": "learn", "reference-prompt": "dog", "motion-embedding": file])
      harness.pushFrames(0..<3)
      #expect(folder.contents.isEmpty)
      harness.pushFrames(3..<6)
      #expect(folder.contents == ["walk.safetensors"])
      harness.push(gst_event_new_eos())
      let frames = harness.pullAll()
      #expect(frames.map { $0.bytes[0] } == [0, 1, 2, 3, 4, 5])
      #expect(frames.map(\.pts) == (0..<6).map { $0 * ElementHarness.frame })
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(Array("echo".utf8) + [0, 1, 2, 3]))
      let reports = harness.reports()
      #expect(reports.progress == ["START", "COMPLETE"])
      #expect(reports.warnings.isEmpty)
    }

    @Test func learnWithoutAReferencePromptWarns() {
      let harness = ElementHarness(["mode": "learn", "motion-embedding": file])
      harness.pushFrames(0..<4)
      #expect(harness.reports().warnings.map(\.name) == [error(GST_RESOURCE_ERROR_SETTINGS)])
    }

    @Test func learnNeedsOneWholeClip() {
      let harness = ElementHarness(["mode": "learn", "reference-prompt": "dog", "motion-embedding": file])
      harness.pushFrames(0..<3)
      #expect(!harness.push(gst_event_new_eos()))
      let errors = harness.reports().errors
      #expect(errors.map(\.name) == [error(GST_STREAM_ERROR_FAILED)])
      #expect(errors.first?.text.contains("found 3 frames") ?? false)
      #expect(folder.contents.isEmpty)
      #expect(harness.pullAll().count == 3)
    }

    @Test func learnFromNothingWarns() {
      let harness = ElementHarness(["mode": "learn", "motion-embedding": file])
      #expect(harness.push(gst_event_new_eos()))
      #expect(harness.reports().warnings.count == 1)
      #expect(folder.contents.isEmpty)
    }

    @Test func paddingLearnsFromAShortClip() throws {
      let harness = ElementHarness([
        "mode": "learn", "reference-prompt": "dog", "motion-embedding": file, "short-clip": "pad",
      ])
      harness.pushFrames(0..<2)
      #expect(harness.push(gst_event_new_eos()))
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(Array("echo".utf8) + [0, 1, 1, 1]))
      #expect(harness.reports().warnings.count == 1)
    }

    @Test func autoLearnsSavesAndApplies() {
      let harness = ElementHarness(["prompt": "fox", "reference-prompt": "dog", "motion-embedding": file])
      for index in 0..<8 { harness.push(index, value: UInt8(100 + index)) }
      // The test engine's motion is the first clip's pixels; the second clip is not learned from.
      #expect(harness.pullAll().map { $0.bytes[0] } == [100, 101, 102, 103, 100, 101, 102, 103])
      #expect(folder.contents == ["walk.safetensors"])
    }

    @Test func autoWithoutAFileLearnsAndForgets() {
      let harness = ElementHarness(["prompt": "fox", "reference-prompt": "dog"])
      for index in 0..<4 { harness.push(index, value: UInt8(50 + index)) }
      #expect(harness.pullAll().map { $0.bytes[0] } == [50, 51, 52, 53])
      #expect(folder.contents.isEmpty)
    }

    @Test(arguments: ["auto", "apply"]) func aFileThatExistsIsApplied(_ mode: String) {
      write(Array("echo".utf8) + [9, 8, 7, 6])
      let harness = ElementHarness(["prompt": "fox", "mode": mode, "motion-embedding": file])
      harness.pushFrames(0..<4)
      #expect(harness.pullAll().map { $0.bytes[0] } == [9, 8, 7, 6])
      #expect(harness.reports().warnings.isEmpty)
    }

    @Test func aCorruptFileIsADecodeError() {
      write([1, 2, 3])
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "motion-embedding": file])
      for index in 0..<3 { harness.push(index) }
      #expect(harness.push(3) == GST_FLOW_ERROR)
      let reports = harness.reports()
      #expect(reports.errors.map(\.name) == [error(GST_STREAM_ERROR_DECODE)])
      #expect(reports.progress == ["START", "ERROR"])
    }

    @Test func aPromptCanChangeBetweenClips() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<4)
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "fail")
      for index in 4..<7 { harness.push(index) }
      #expect(harness.push(7) == GST_FLOW_ERROR)
    }

    @Test func seedWaitsForTheNextStart() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "seed": "1"])
      gst_util_set_object_arg(GStreamer.object(harness.element), "seed", "7")
      harness.pushFrames(0..<4)
      #expect(harness.pullAll().first?.bytes[0] == Echo.byte(seed: 1, frame: 0))
    }

    @Test func messagesHaveTheDocumentedFields() {
      let harness = ElementHarness(["prompt": "fox", "reference-prompt": "dog", "seed": "5"])
      harness.pushFrames(0..<8)
      let reports = harness.reports()
      #expect(reports.progress == ["START", "COMPLETE", "START", "COMPLETE"])
      let steps = reports.filter { $0.name == "motiontransfer-progress" }.map(\.text)
      // load, 3 learning and 3 sampling steps; then 3 sampling steps.
      #expect(steps.count == 10)
      for field in [
        "clip=(guint64)0", "stage=(string)learn", "step=(uint)1", "steps=(uint)3", "loss=(double)1",
        "elapsed=",
      ] {
        #expect(steps[1].contains(field), "\(field) in \(steps[1])")
      }
      let clips = reports.filter { $0.name == "motiontransfer-clip" }.map(\.text)
      #expect(clips.count == 2)
      let fields = [
        "clip=(guint64)1", "frames-in=(uint)4", "frames-out=(uint)4", "running-time=(guint64)500000000",
        "generation-time=", "seed=(guint64)6", "final-loss=(double)0.25",
      ]
      for field in fields { #expect(clips[1].contains(field), "\(field) in \(clips[1])") }
    }

    @Test func previewsCarryTheFramesOfTheRunningClip() throws {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "preview-interval": "2"])
      harness.pushFrames(0..<4)
      var samples: [(step: guint, frames: guint, bytes: [UInt8])] = []
      while let message = gst_bus_pop(harness.bus) {
        defer { gst_message_unref(message) }
        guard cgst_message_type(message) == GST_MESSAGE_ELEMENT, let structure = gst_message_get_structure(message),
          gst_structure_has_name(structure, "motiontransfer-preview") != 0
        else { continue }
        let value = try #require(gst_structure_get_value(structure, "sample"))
        let sample = OpaquePointer(g_value_get_boxed(value))
        let buffer = try #require(gst_sample_get_buffer(sample))
        var step: guint = 0
        gst_structure_get_uint(structure, "step", &step)
        samples.append((step, gst_buffer_list_length(gst_sample_get_buffer_list(sample)), OutFrame(buffer).bytes))
        #expect(describe(gst_sample_get_caps(sample)).contains("width=(int)2, height=(int)1"))
      }
      #expect(samples.map(\.step) == [2])
      #expect(samples.first?.frames == 2)
      // Two pixels, padded to a row of eight bytes.
      #expect(samples.first?.bytes.prefix(6) == [2, 2, 2, 2, 2, 2])
    }

    @Test func previewsComeOnlyWhereTheyAreAskedFor() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<4)
      #expect(!harness.reports().contains { $0.name == "motiontransfer-preview" })
    }

    @Test func atMostTwoContinuesASecond() {
      let harness = ElementHarness(["prompt": "wait", "mode": "apply"])
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        for index in 0..<4 { harness.push(index) }
        ended.signal()
      }
      Thread.sleep(forTimeInterval: 1.3)
      gst_element_set_state(harness.element, GST_STATE_NULL)
      ended.wait()
      let count = harness.reports().names(of: GST_MESSAGE_PROGRESS).filter { $0.hasSuffix("CONTINUE") }.count
      #expect(1...3 ~= count)
    }

    @Test func statistics() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": "drop"])
      harness.pushFrames(0..<6)
      harness.push(gst_event_new_eos())
      var value = GValue()
      g_value_init(&value, gst_structure_get_type())
      g_object_get_property(GStreamer.object(harness.element), "stats", &value)
      defer { g_value_unset(&value) }
      let text = gst_structure_to_string(
        UnsafeRawPointer(g_value_get_boxed(&value)).assumingMemoryBound(to: GstStructure.self))!
      defer { g_free(text) }
      let stats = String(cString: text)
      for field in [
        "clips=(guint64)1", "frames-in=(guint64)6", "frames-out=(guint64)4", "frames-dropped=(guint64)2",
      ] {
        #expect(stats.contains(field), "\(field) in \(stats)")
      }
    }
  }
}
