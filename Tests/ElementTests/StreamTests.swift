// Frames in, frames out: numbers, times, ends.
import CGStreamer
import CGstCheck
import Testing

extension ElementSuite {
  @Suite struct Streams {
    @Test func asManyFramesComeOutAsWentInAtTheSameTimes() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "seed": "3"])
      harness.pushFrames(0..<10)
      harness.push(gst_event_new_eos())
      let frames = harness.pullAll()
      #expect(frames.map(\.pts) == (0..<10).map { $0 * ElementHarness.frame })
      #expect(frames.allSatisfy { $0.duration == ElementHarness.frame })
      #expect(frames.map(\.isDiscontinuous) == [true] + Array(repeating: false, count: 9))
      // Clip k uses seed + k; the third clip is trimmed to two frames.
      let expected = (0..<10).map { Echo.byte(seed: 3 + UInt64($0 / 4), frame: $0 % 4) }
      #expect(frames.map { $0.bytes[0] } == expected)
      #expect(frames.allSatisfy { $0.bytes.count == 16 * 8 * 3 })
    }

    @Test func framesWaitUntilTheirClipIsFull() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<3)
      #expect(harness.pullAll().isEmpty)
      harness.push(3)
      #expect(harness.pullAll().count == 4)
    }

    @Test func eosComesAfterTheLastFrame() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<5)
      _ = harness.pullEvents()
      #expect(harness.push(gst_event_new_eos()))
      #expect(harness.pullAll().count == 5)
      #expect(harness.pullEvents() == [GST_EVENT_EOS])
    }

    @Test func thirtyFramesASecondLeaveNoRoundingBehind() {
      let caps = "video/x-raw,format=RGB,width=16,height=8,framerate=30000/1001"
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "num-frames": "7"], caps: caps)
      for index in 0..<7 {
        let time = gst_util_uint64_scale(UInt(index), 1_001_000_000_000, 30000) / 1000
        gst_harness_push(harness.harness, harness.buffer(.init(repeating: 0, count: 384), pts: time))
      }
      let frames = harness.pullAll()
      #expect(frames.count == 7)
      for (this, next) in zip(frames, frames.dropFirst()) { #expect(this.pts + this.duration == next.pts) }
    }

    @Test func framesWithoutTimesFollowEachOther() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      for _ in 0..<8 {
        gst_harness_push(harness.harness, harness.buffer(.init(repeating: 0, count: 384), pts: nil))
      }
      #expect(harness.pullAll().map(\.pts) == (0..<8).map { $0 * ElementHarness.frame })
    }

    @Test(arguments: [("trim", 6), ("pad", 8), ("drop", 4)])
    func shortClips(_ rule: String, _ expected: Int) {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": rule])
      harness.pushFrames(0..<6)
      harness.push(gst_event_new_eos())
      #expect(harness.pullAll().count == expected)
      #expect(harness.reports().errors.isEmpty)
    }

    @Test func aShortClipCanBeAnError() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": "error"])
      harness.pushFrames(0..<6)
      #expect(!harness.push(gst_event_new_eos()))
      #expect(harness.pullAll().count == 4)
      let reports = harness.reports()
      #expect(reports.errors.map(\.name) == [error(GST_STREAM_ERROR_FAILED)])
      #expect(reports.errors.first?.text.contains("found 2 frames") ?? false)
    }

    @Test(arguments: [("trim", 6), ("pad", 8)])
    func aSegmentIsDoneAfterItsLastFrame(_ rule: String, _ expected: Int) {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "short-clip": rule])
      harness.pushFrames(0..<6)
      _ = harness.pullEvents()
      #expect(harness.push(gst_event_new_segment_done(GST_FORMAT_TIME, Int(6 * ElementHarness.frame))))
      #expect(harness.pullAll().count == expected)
      #expect(harness.pullEvents() == [GST_EVENT_SEGMENT_DONE])
    }

    @Test(arguments: [nil, ElementHarness.rgb]) func zeroFrames(_ caps: String?) {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: caps)
      _ = harness.pullEvents()
      #expect(harness.push(gst_event_new_eos()))
      #expect(harness.pullEvents().contains(GST_EVENT_EOS))
      #expect(harness.pullAll().isEmpty)
      #expect(harness.reports().allSatisfy { $0.type == GST_MESSAGE_LATENCY })
    }

    @Test func framesOutsideTheSegmentAreDropped() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      segment.start = 2 * ElementHarness.frame
      harness.push(gst_event_new_segment(&segment))
      harness.pushFrames(0..<6)
      #expect(harness.pullAll().map(\.pts) == (2..<6).map { $0 * ElementHarness.frame })
    }

    @Test func aNewSegmentEndsTheClip() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<6)
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      harness.push(gst_event_new_segment(&segment))
      #expect(harness.pullAll().count == 6)
      harness.pushFrames(0..<4)
      let next = harness.pullAll()
      #expect(next.map(\.pts) == (0..<4).map { $0 * ElementHarness.frame })
      #expect(next.first?.isDiscontinuous == true)
    }

    @Test func gapsInsideAClipAreSwallowedOthersPass() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<2)
      _ = harness.pullEvents()
      harness.push(gst_event_new_gap(2 * ElementHarness.frame, ElementHarness.frame))
      #expect(harness.pullEvents().isEmpty)
      harness.pushFrames(2..<4)
      harness.push(gst_event_new_gap(4 * ElementHarness.frame, ElementHarness.frame))
      #expect(harness.pullEvents() == [GST_EVENT_GAP])
    }

    @Test func latencyIsAClipAndItsGeneration() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      #expect(gst_harness_query_latency(harness.harness) == 4 * ElementHarness.frame)
      gst_harness_set_upstream_latency(harness.harness, 1000)
      harness.pushFrames(0..<4)
      let after = gst_harness_query_latency(harness.harness)
      #expect(after > 4 * ElementHarness.frame + 1000)
      #expect(after < 5 * ElementHarness.frame)
    }

    @Test func qualityEventsDoNotReachUpstream() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      let before = gst_harness_upstream_events_received(harness.harness)
      gst_harness_push_upstream_event(
        harness.harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2, 1000, 1000))
      #expect(gst_harness_upstream_events_received(harness.harness) == before)
    }
  }
}
