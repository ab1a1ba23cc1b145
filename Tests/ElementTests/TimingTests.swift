// Times, gaps, events and metas of the input come out where they came in.
import CGStreamer
import CGstCheck
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Timings {
    private let pixels = [UInt8](repeating: 0, count: 384)

    @Test func aVariableFrameRateKeepsItsTimes() {
      let harness = ElementHarness(
        ["prompt": "fox", "mode": "apply"], caps: "video/x-raw,format=RGB,width=16,height=8,framerate=0/1")
      let times: [GstClockTime] = [0, 30_000_000, 130_000_000, 140_000_000]
      for time in times { gst_harness_push(harness.harness, harness.buffer(pixels, pts: time)) }
      let frames = harness.pullAll()
      #expect(frames.map(\.pts) == times)
      // Until the next frame; the last one as 25 frames a second say.
      #expect(frames.map(\.duration) == [30_000_000, 100_000_000, 10_000_000, 40_000_000])
    }

    @Test func aGapInsideAClipLeavesAHole() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<2)
      harness.push(gst_event_new_gap(2 * ElementHarness.frame, 5 * ElementHarness.frame))
      harness.pushFrames(7..<9)
      #expect(harness.pullAll().map(\.pts) == [0, 1, 7, 8].map { $0 * ElementHarness.frame })
    }

    @Test func aDiscontinuityIsKept() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      for index in 0..<4 {
        let buffer = harness.buffer(pixels, pts: GstClockTime(index) * ElementHarness.frame)
        if index == 2 { buffer.pointee.mini_object.flags |= GST_BUFFER_FLAG_DISCONT.rawValue }
        gst_harness_push(harness.harness, buffer)
      }
      #expect(harness.pullAll().map(\.isDiscontinuous) == [true, false, true, false])
    }

    @Test func paddedFramesGoOnAtTheFrameRate() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": "pad"])
      harness.pushFrames(0..<2)
      harness.push(gst_event_new_eos())
      #expect(harness.pullAll().map(\.pts) == (0..<4).map { $0 * ElementHarness.frame })
    }

    @Test func clipsAreNotFilledUpWhereFramesFollow() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": "pad"])
      harness.pushFrames(0..<2)
      gst_harness_set_src_caps_str(harness.harness, "\(ElementHarness.rgb),colorimetry=sRGB")
      harness.pushFrames(2..<4)
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      harness.push(gst_event_new_segment(&segment))
      harness.pushFrames(4..<8)
      #expect(harness.pullAll().map(\.pts) == (0..<8).map { $0 * ElementHarness.frame })
    }

    @Test func framesWithoutTimesBeginWithTheSegment() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      segment.start = 3_000_000_000
      harness.push(gst_event_new_segment(&segment))
      for _ in 0..<4 { gst_harness_push(harness.harness, harness.buffer(pixels, pts: nil)) }
      #expect(harness.pullAll().map(\.pts) == (0..<4).map { 3_000_000_000 + $0 * ElementHarness.frame })
    }

    @Test func eventsStayBetweenTheirFrames() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<2)
      _ = harness.pullEvents()
      let order = Order(harness)
      harness.push(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("marker")))
      harness.push(gst_event_new_tag(gst_tag_list_new_empty()))
      #expect(order.seen.isEmpty)
      harness.pushFrames(2..<4)
      #expect(order.seen == ["frame", "frame", "event", "event", "frame", "frame"])
    }

    @Test func eventsOfADroppedClipStillCome() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": "drop"])
      harness.pushFrames(0..<2)
      _ = harness.pullEvents()
      harness.push(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("marker")))
      harness.push(gst_event_new_eos())
      #expect(harness.pullEvents() == [GST_EVENT_CUSTOM_DOWNSTREAM, GST_EVENT_EOS])
    }

    @Test func metasOfTheMomentAreKeptThoseOfAreasAreNot() throws {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      let caps = gst_caps_from_string("timestamp/x-test")!
      defer { gst_caps_unref(caps) }
      for index in 0..<4 {
        let buffer = harness.buffer(pixels, pts: GstClockTime(index) * ElementHarness.frame)
        gst_buffer_add_reference_timestamp_meta(buffer, caps, GstClockTime(index), 1)
        gst_buffer_add_video_region_of_interest_meta(buffer, "face", 1, 1, 2, 2)
        gst_harness_push(harness.harness, buffer)
      }
      for index in 0..<4 {
        let buffer = try #require(gst_harness_try_pull(harness.harness))
        defer { gst_buffer_unref(buffer) }
        let meta = gst_buffer_get_reference_timestamp_meta(buffer, caps)
        #expect(meta?.pointee.timestamp == GstClockTime(index))
        #expect(gst_buffer_get_meta(buffer, gst_video_region_of_interest_meta_api_get_type()) == nil)
      }
    }

    @Test func tagsPass() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      _ = harness.pullEvents()
      harness.push(gst_event_new_tag(gst_tag_list_new_from_string("taglist, title=(string)walk;")))
      #expect(harness.pullEvents() == [GST_EVENT_TAG])
    }
  }
}

/// The order in which frames and events leave the element.
private final class Order: @unchecked Sendable {
  private(set) var seen: [String] = []

  init(_ harness: ElementHarness) {
    let pad = gst_element_get_static_pad(harness.element, "src")!
    defer { gst_object_unref(pad) }
    let types = GST_PAD_PROBE_TYPE_BUFFER.rawValue | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM.rawValue
    gst_pad_add_probe(
      pad, GstPadProbeType(types),
      { _, info, raw in
        guard let info, let raw else { return GST_PAD_PROBE_OK }
        let isFrame = info.pointee.type.rawValue & GST_PAD_PROBE_TYPE_BUFFER.rawValue != 0
        Unmanaged<Order>.fromOpaque(raw).takeUnretainedValue().seen.append(isFrame ? "frame" : "event")
        return GST_PAD_PROBE_OK
      }, Unmanaged.passRetained(self).toOpaque(), { raw in raw.map { Unmanaged<Order>.fromOpaque($0).release() } })
  }
}
