// Flushes and state changes: how fast a running generation stops, and what is left behind.
import CGStreamer
import CGstCheck
import Foundation
import Synchronization
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Interruptions {
    /// Runs `push` on another thread, and `interrupt` once the engine is at work.
    /// - Returns: seconds from `interrupt` until both have returned.
    private func seconds(
      of interrupt: () -> Void, during push: @escaping @Sendable () -> Void
    ) -> Double {
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        push()
        ended.signal()
      }
      let patience = Date().addingTimeInterval(10)
      while Echo.running.load(ordering: .relaxed) == 0, Date() < patience { usleep(500) }
      #expect(Echo.running.load(ordering: .relaxed) == 1)
      let start = Date()
      interrupt()
      #expect(ended.wait(timeout: .now() + 10) == .success)
      return Date().timeIntervalSince(start)
    }

    @Test func aFlushStopsAGenerationAndTheNextStreamIsClean() {
      let harness = ElementHarness(["prompt": "wait", "mode": "apply"])
      let duration = seconds(of: { harness.push(gst_event_new_flush_start()) }) {
        for index in 0..<3 { harness.push(index) }
        #expect(harness.push(3) == GST_FLOW_FLUSHING)
      }
      #expect(duration < 0.1)
      #expect(harness.reports().progress == ["START", "CANCELED"])

      harness.push(gst_event_new_flush_stop(1))
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      harness.push(gst_event_new_segment(&segment))
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "fox")
      harness.pushFrames(0..<4)
      let frames = harness.pullAll()
      #expect(frames.map { $0.bytes[0] } == (0..<4).map { Echo.byte(seed: 0, frame: $0) })
      #expect(frames.first?.isDiscontinuous == true)
      #expect(harness.reports().progress == ["START", "COMPLETE"])
    }

    @Test func aFlushDropsFramesThatWait() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      harness.pushFrames(0..<3)
      harness.push(gst_event_new_flush_start())
      harness.push(gst_event_new_flush_stop(1))
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      harness.push(gst_event_new_segment(&segment))
      harness.pushFrames(10..<14)
      #expect(harness.pullAll().map(\.pts) == (10..<14).map { $0 * ElementHarness.frame })
    }

    @Test(arguments: ["fox", "wait"]) func aFlushKeepsTagsThatWait(_ prompt: String) {
      let harness = ElementHarness(["prompt": prompt, "mode": "apply"])
      harness.pushFrames(0..<2)
      harness.push(gst_event_new_tag(gst_tag_list_new_from_string("taglist, title=(string)walk;")))
      harness.push(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("marker")))
      if prompt == "wait" {
        _ = seconds(of: { harness.push(gst_event_new_flush_start()) }) { for index in 2..<4 { harness.push(index) } }
      } else {
        harness.push(gst_event_new_flush_start())
      }
      harness.push(gst_event_new_flush_stop(1))
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "fox")
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      harness.push(gst_event_new_segment(&segment))
      _ = harness.pullAll()
      harness.pushFrames(10..<14)
      #expect(harness.pullAll().count == 4)
      let events = harness.pullEvents()
      #expect(events.count { $0 == GST_EVENT_TAG } == 1)
      #expect(!events.contains(GST_EVENT_CUSTOM_DOWNSTREAM))
    }

    @Test func stoppingStopsAGeneration() {
      let harness = ElementHarness(["prompt": "wait", "mode": "apply"])
      let duration = seconds(of: { gst_element_set_state(harness.element, GST_STATE_NULL) }) {
        for index in 0..<4 { harness.push(index) }
      }
      #expect(duration < 0.1)
      #expect(harness.reports().progress == ["START", "CANCELED"])
    }

    @Test func stoppingStopsLearningAndLeavesNoFile() {
      let folder = ScratchFolder()
      let harness = ElementHarness([
        "mode": "learn", "reference-prompt": "wait", "motion-embedding": folder["walk.safetensors"],
      ])
      let duration = seconds(of: { gst_element_set_state(harness.element, GST_STATE_NULL) }) {
        for index in 0..<4 { harness.push(index) }
      }
      #expect(duration < 0.1)
      #expect(folder.contents.isEmpty)
    }

    @Test func fiftyStartsAndStopsLeaveNothingBehind() {
      let loads = Echo.loads.load(ordering: .relaxed)
      let files = openFiles()
      for round in 0..<50 {
        let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
        harness.pushFrames(0..<(round % 6))
        if round % 2 == 0 { harness.push(gst_event_new_eos()) }
        #expect(harness.pullAll().count >= round % 6 / 4 * 4)
        #expect(harness.reports().errors.isEmpty)
        #expect(gst_element_set_state(harness.element, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS)
      }
      #expect(Echo.loads.load(ordering: .relaxed) - loads <= 50)
      #expect(openFiles() <= files + 2)
    }

    @Test func anElementRestartsAfterAnError() {
      let harness = ElementHarness(["prompt": "fail", "mode": "apply"])
      for index in 0..<3 { harness.push(index) }
      #expect(harness.push(3) == GST_FLOW_ERROR)
      let reports = harness.reports()
      #expect(reports.progress == ["START", "ERROR"])
      #expect(reports.errors.map(\.name) == ["gst-library-error-quark \(GST_LIBRARY_ERROR_FAILED.rawValue)"])

      gst_element_set_state(harness.element, GST_STATE_READY)
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "fox")
      #expect(gst_element_set_state(harness.element, GST_STATE_PLAYING) == GST_STATE_CHANGE_SUCCESS)
      // Deactivating the pads dropped the sticky events.
      harness.push(gst_event_new_stream_start("again"))
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      harness.pushFrames(0..<4)
      #expect(harness.pullAll().count == 4)
    }

    private func openFiles() -> Int {
      (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }
  }
}
