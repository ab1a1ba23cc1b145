// Settings and streams that cannot work: the documented error, and no crash.
import CGStreamer
import CGstCheck
import Foundation
import MotionTransfer
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct BadInput {
    /// Starts an element that cannot start. Returns what it reported.
    private func refused(_ properties: KeyValuePairs<String, String>) -> [Report] {
      _ = GStreamer.start
      let bus = gst_bus_new()!
      let element = GStreamer.element(properties, bus: bus)
      defer {
        gst_element_set_state(element, GST_STATE_NULL)
        gst_object_unref(element)
        gst_object_unref(bus)
      }
      #expect(gst_element_set_state(element, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS)
      #expect(gst_element_set_state(element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
      return GStreamer.reports(bus).errors
    }

    @Test(arguments: [["mode": "apply"], ["mode": "auto"], ["prompt": ""]])
    func noPrompt(_ properties: [String: String]) throws {
      let pair = try #require(properties.first)
      let errors = refused([pair.key: pair.value])
      #expect(errors.map(\.name) == [error(GST_RESOURCE_ERROR_SETTINGS)])
      #expect(errors.first?.text.contains("prompt") ?? false)
    }

    @Test func noSuchModel() {
      let errors = refused(["prompt": "fox", "model": "/nowhere"])
      #expect(errors.map(\.name) == [error(GST_RESOURCE_ERROR_NOT_FOUND)])
    }

    @Test func aSizeThatTheModelCannotDo() {
      let errors = refused(["prompt": "fox", "width": "100"])
      #expect(errors.map(\.name) == [error(GST_RESOURCE_ERROR_SETTINGS)])
    }

    @Test func noSuchEmbedding() {
      let errors = refused(["prompt": "fox", "mode": "apply", "motion-embedding": "/nowhere/x"])
      #expect(errors.map(\.name) == [error(GST_RESOURCE_ERROR_NOT_FOUND)])
    }

    @Test func nowhereToWrite() {
      let learned = refused(["mode": "learn"])
      #expect(learned.map(\.name) == [error(GST_RESOURCE_ERROR_SETTINGS)])
      let unwritable = refused(["mode": "learn", "motion-embedding": "/nowhere/x"])
      #expect(unwritable.map(\.name) == [error(GST_RESOURCE_ERROR_OPEN_WRITE)])
    }

    @Test func moreMemoryThanThereIs() throws {
      let needed = #expect(throws: MotionTransferError.self) {
        let model = ModelSource(folder: ElementSuite.tinyModel)
        var options = Options()
        (options.numFrames, options.width, options.height) = (256, 8192, 8192)
        _ = try EngineProvider().geometry(model, options)
      }
      let found = ElementError(try #require(needed))
      #expect(found.domain == gst_resource_error_quark())
      #expect(found.code == Int32(bitPattern: GST_RESOURCE_ERROR_NO_SPACE_LEFT.rawValue))
      #expect(found.text.contains("GB"))
    }

    @Test func valuesOutsideTheirRangeLeaveTheOldOnes() {
      _ = GStreamer.start
      let bus = gst_bus_new()!
      let element = GStreamer.element(["width": "64", "mode": "apply"], bus: bus)
      defer {
        gst_object_unref(element)
        gst_object_unref(bus)
      }
      for (name, value) in [("width", "100000"), ("width", "-1"), ("width", "wide"), ("mode", "sideways")] {
        gst_util_set_object_arg(GStreamer.object(element), name, value)
      }
      #expect(text(of: element, "width") == "64")
      #expect(text(of: element, "mode") == "apply")
    }

    /// A property's value, as gst-launch would write it.
    private func text(of element: UnsafeMutablePointer<GstElement>, _ name: String) -> String {
      let type = UnsafeMutableRawPointer(element.pointee.object.object.g_type_instance.g_class)
        .assumingMemoryBound(to: GObjectClass.self)
      let spec = g_object_class_find_property(type, name)!
      #expect(String(cString: g_param_spec_get_blurb(spec)).count > 10)
      var value = GValue()
      g_value_init(&value, spec.pointee.value_type)
      defer { g_value_unset(&value) }
      g_object_get_property(GStreamer.object(element), name, &value)
      let text = gst_value_serialize(&value)!
      defer { g_free(text) }
      return String(cString: text).replacingOccurrences(of: "\"", with: "").replacingOccurrences(of: "\\", with: "")
    }

    @Test func framesBeforeCaps() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      #expect(harness.push(0) != GST_FLOW_OK)
      #expect(harness.reports().errors.map(\.name) == [error(GST_CORE_ERROR_NEGOTIATION)])
    }

    @Test(arguments: ["apply", "learn"]) func aFrameSmallerThanItsCaps(_ mode: String) {
      let folder = ScratchFolder()
      var properties: KeyValuePairs<String, String> = ["prompt": "fox", "mode": "apply"]
      if mode == "learn" { properties = ["mode": "learn", "motion-embedding": folder["x"]] }
      let harness = ElementHarness(properties)
      let flow = gst_harness_push(harness.harness, harness.buffer([1, 2, 3], pts: 0))
      #expect(flow == GST_FLOW_ERROR)
      let errors = harness.reports().errors
      #expect(errors.map(\.name) == [error(GST_STREAM_ERROR_FORMAT)])
      #expect(errors.first?.text.contains("found a frame of 3 bytes") ?? false)
    }

    @Test func aSegmentInBytes() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_BYTES)
      harness.push(gst_event_new_segment(&segment))
      #expect(harness.reports().errors.map(\.name) == [error(GST_STREAM_ERROR_FORMAT)])
    }

    @Test func aSegmentBackwards() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      segment.rate = -1
      segment.stop = 1_000_000_000
      harness.push(gst_event_new_segment(&segment))
      #expect(harness.reports().errors.map(\.name) == [error(GST_STREAM_ERROR_NOT_IMPLEMENTED)])
    }

    @Test func timesAtTheEndOfTime() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      let last = GstClockTime(cgst_clock_time_none) - 1
      for _ in 0..<4 {
        gst_harness_push(
          harness.harness, harness.buffer(.init(repeating: 0, count: 384), pts: last, duration: last))
      }
      #expect(harness.reports().errors.isEmpty)
    }

    @Test func everyPropertyReadsBackWhatWasSet() {
      _ = GStreamer.start
      let bus = gst_bus_new()!
      let values: KeyValuePairs = [
        "prompt": "a fox", "negative-prompt": "blurry", "reference-prompt": "a dog", "model": "/m",
        "motion-embedding": "/e", "mode": "learn", "debias-mode": "camera", "noise-prior": "0.25",
        "motion-scale": "1.5", "sites": "all", "inversion-steps": "7", "ddim-inversion-steps": "0",
        "learning-rate": "0.5", "num-inference-steps": "9", "guidance-scale": "7.5",
        "guidance-rescale": "0.75",
        "seed": "18446744073709551615", "num-frames": "12", "width": "64", "height": "72",
        "short-clip": "pad",
        "n-threads": "3", "concurrency": "2", "processing-latency": "5", "qos": "true",
        "learning-checkpoint": "/c", "preview-interval": "2", "vae-tiling": "true",
        "feed-forward-chunk": "1024", "gradient-checkpointing": "true", "motion-adapter": "/a",
        "first-frame": "mean-subtracted", "arithmetic": "bfloat16", "convolution": "direct",
        "query-key-scale": "0.5", "value-scale": "2.5",
        "apply-from": "0.125", "apply-until": "0.5", "resample": "true", "noise-initialization": "fft",
        "scheduler": "euler", "embedding-design": "2d-2d", "loss": "hybrid", "timestep-sampling": "cubic",
        "method": "tap", "lora-rank": "8", "lora-targets": "k+out", "lora-dropout": "0.5", "lora-scale": "1.5",
        "motion-phrase": "walking", "prior-prompts": "a cat, running", "prior-share": "0.5",
        "appearance-highway": "reference", "highway-scale": "1.25", "highway-level": "0,1", "context-length": "16",
        "context-overlap": "0", "lora-weights": "/l", "adapter-weights": "0.5", "v1-group-norm": "true",
      ]
      let element = GStreamer.element(values, bus: bus)
      defer {
        gst_object_unref(element)
        gst_object_unref(bus)
      }
      for (name, expected) in values {
        #expect(text(of: element, name) == expected, "\(name)")
      }
    }
  }
}
