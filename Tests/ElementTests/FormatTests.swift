// Formats and sizes in; the model's size out.
import CGStreamer
import CGstCheck
import Foundation
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Formats {
    let folder = ScratchFolder()

    /// In learn mode the input comes out as the model sees it.
    private func passThrough(_ caps: String) -> ElementHarness {
      ElementHarness(
        ["mode": "learn", "reference-prompt": "dog", "motion-embedding": folder["out.safetensors"]],
        caps: caps)
    }

    private func frame(_ caps: String, _ fill: (inout [UInt8], GstVideoInfo) -> Void) -> [UInt8] {
      let parsed = gst_caps_from_string(caps)!
      defer { gst_caps_unref(parsed) }
      var info = GstVideoInfo()
      gst_video_info_from_caps(&info, parsed)
      var bytes = [UInt8](repeating: 0, count: Int(info.size))
      fill(&bytes, info)
      return bytes
    }

    @Test(
      arguments: ["I420", "NV12", "YV12", "Y42B", "Y444", "YUY2"], [(64, 48), (33, 17), (2, 2), (641, 359)])
    func yuvOfAnySize(_ format: String, _ size: (Int, Int)) {
      let caps =
        "video/x-raw,format=\(format),width=\(size.0),height=\(size.1),framerate=8/1,colorimetry=bt601"
      let harness = passThrough(caps)
      // Luma 235 and neutral chroma are white, in studio range.
      let bytes = frame(caps) { bytes, info in
        let isPacked = format == "YUY2"
        let luma = isPacked ? bytes.count : Int(info.stride.0) * size.1
        for index in bytes.indices {
          bytes[index] = index < luma && (!isPacked || index % 2 == 0) ? 235 : 128
        }
      }
      #expect(gst_harness_push(harness.harness, harness.buffer(bytes, pts: 0)) == GST_FLOW_OK)
      let out = harness.pullAll()
      #expect(out.count == 1)
      #expect(out.first?.bytes.count == 16 * 8 * 3)
      #expect(out.first?.bytes.allSatisfy { $0 >= 253 } ?? false)
    }

    @Test(arguments: [("BGRx", [30, 20, 10, 0]), ("RGBA", [10, 20, 30, 255]), ("BGR", [30, 20, 10])])
    func rgbOrders(_ format: String, _ pixel: [UInt8]) {
      let caps = "video/x-raw,format=\(format),width=16,height=8,framerate=8/1"
      let harness = passThrough(caps)
      let bytes = frame(caps) { bytes, _ in
        for index in bytes.indices { bytes[index] = pixel[index % pixel.count] }
      }
      gst_harness_push(harness.harness, harness.buffer(bytes, pts: 0))
      #expect(harness.pullAll().first?.bytes == Array(repeating: [10, 20, 30], count: 128).flatMap { $0 })
    }

    @Test func outputCapsAreTheModelsSizeAndTheInputsRate() throws {
      let harness = ElementHarness(
        ["prompt": "fox", "mode": "apply", "width": "24"],
        caps: "video/x-raw,format=NV12,width=100,height=60,framerate=30000/1001")
      let caps = try #require(harness.outputCaps())
      for field in ["format=(string)RGB", "width=(int)24", "height=(int)8", "framerate=(fraction)30000/1001"] {
        #expect(caps.contains(field))
      }
    }

    @Test(arguments: [
      ("width=64,height=32", "1/1"), ("width=100,height=60", "5/6"),
      ("width=720,height=576,pixel-aspect-ratio=16/15", "2/3"),
    ])
    func clipsAreShownInTheInputsAspectRatio(_ size: String, _ expected: String) throws {
      let caps = "video/x-raw,format=I420,\(size),framerate=8/1"
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: caps)
      #expect(try #require(harness.outputCaps()).contains("pixel-aspect-ratio=(fraction)\(expected)"))
      let square = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      gst_harness_set_sink_caps_str(square.harness, "video/x-raw,pixel-aspect-ratio=1/1")
      gst_harness_set_src_caps_str(square.harness, caps)
      #expect(try #require(square.outputCaps()).contains("pixel-aspect-ratio=(fraction)1/1"))
      #expect(square.reports().errors.isEmpty)
    }

    @Test func aVariableRatePassesAndCountsAsTheMostThatItMayBe() throws {
      let caps = "video/x-raw,format=RGB,width=16,height=8,framerate=0/1,max-framerate=50/1"
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: caps)
      #expect(try #require(harness.outputCaps()).contains("framerate=(fraction)0/1, max-framerate=(fraction)50/1"))
      #expect(gst_harness_query_latency(harness.harness) == 80_000_000)
    }

    @Test func aVariableRateIsReckonedAsTwentyFive() throws {
      let harness = ElementHarness(
        ["prompt": "fox", "mode": "apply"], caps: "video/x-raw,format=RGB,width=16,height=8,framerate=0/1")
      #expect(try #require(harness.outputCaps()).contains("framerate=(fraction)0/1"))
      #expect(harness.reports().warnings.map(\.name) == [error(GST_STREAM_ERROR_FORMAT)])
      for _ in 0..<4 {
        gst_harness_push(harness.harness, harness.buffer(.init(repeating: 0, count: 384), pts: nil))
      }
      #expect(harness.pullAll().map(\.pts) == [0, 40_000_000, 80_000_000, 120_000_000])
    }

    @Test func capsThatChangeMidStreamDrainFirst() throws {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<6)
      #expect(harness.pullAll().count == 4)
      gst_harness_set_src_caps_str(
        harness.harness, "video/x-raw,format=I420,width=32,height=32,framerate=4/1")
      #expect(harness.pullAll().count == 2)
      #expect(try #require(harness.outputCaps()).contains("framerate=(fraction)4/1"))
      let bytes = [UInt8](repeating: 100, count: 32 * 32 * 3 / 2)
      for index in 0..<4 {
        let time = 750_000_000 + GstClockTime(index) * 250_000_000
        #expect(gst_harness_push(harness.harness, harness.buffer(bytes, pts: time)) == GST_FLOW_OK)
      }
      #expect(harness.pullAll().map(\.pts) == [750_000_000, 1_000_000_000, 1_250_000_000, 1_500_000_000])
      #expect(harness.reports().errors.isEmpty)
    }

    @Test func theSameCapsAgainDoNotEndAClip() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<2)
      let caps = gst_caps_from_string(ElementHarness.rgb)!
      harness.push(gst_event_new_caps(caps))
      gst_caps_unref(caps)
      #expect(harness.pullAll().isEmpty)
      harness.pushFrames(2..<4)
      #expect(harness.pullAll().count == 4)
    }

    private func checkRefusal(_ reports: [Report]) {
      #expect(reports.errors.map(\.name) == [error(GST_STREAM_ERROR_FORMAT)])
      #expect(reports.errors.first?.text.contains("width=(int)100") ?? false)
      #expect(reports.errors.first?.text.contains("width=(int)16") ?? false)
    }

    @Test func downstreamsSizeIsRefusedWithAReason() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      gst_harness_set_sink_caps_str(harness.harness, "video/x-raw,format=RGB,width=100,height=100")
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      checkRefusal(harness.reports())
    }

    @Test func downstreamsSizeIsRefusedAtTheStart() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      gst_element_set_state(harness.element, GST_STATE_READY)
      gst_harness_set_sink_caps_str(harness.harness, "video/x-raw,format=RGB,width=100,height=100")
      #expect(gst_element_set_state(harness.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
      checkRefusal(harness.reports())
    }

    @Test(arguments: ["12/1", "{ 12/1, 25/1 }", "[ 5/1, 30/1 ]"])
    func downstreamsFrameRatesReachUpstream(_ rates: String) {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      gst_harness_set_sink_caps_str(harness.harness, "video/x-raw,format=RGB,framerate=(fraction)\(rates)")
      let pad = gst_element_get_static_pad(harness.element, "sink")!
      defer { gst_object_unref(pad) }
      let caps = gst_pad_query_caps(pad, nil)!
      defer { gst_caps_unref(caps) }
      #expect(describe(caps).contains("framerate=(fraction)\(rates)"))
    }
  }
}
