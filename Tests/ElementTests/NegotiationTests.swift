// Memory, quality of service, latency, controllers: what elements agree on besides frames.
import CGStreamer
import CGstCheck
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Negotiations {
    @Test func upstreamIsOfferedAPoolAndStrides() throws {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      let caps = try #require(gst_caps_from_string(ElementHarness.rgb))
      defer { gst_caps_unref(caps) }
      let query = try #require(gst_query_new_allocation(caps, 1))
      defer { gst_query_unref(query) }
      let pad = try #require(gst_element_get_static_pad(harness.element, "sink"))
      defer { gst_object_unref(pad) }
      #expect(gst_pad_query(pad, query) != 0)
      #expect(gst_query_get_n_allocation_pools(query) == 1)
      #expect(gst_query_find_allocation_meta(query, cgst_video_meta_api(), nil) != 0)
    }

    @Test func downstreamsPoolIsUsedAndAskedForAgainOnReconfigure() throws {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let peer = try PoolOwner(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      #expect(peer.queries == 1)
      harness.pushFrames(0..<4)
      for _ in 0..<4 {
        let buffer = try #require(gst_harness_try_pull(harness.harness))
        #expect(buffer.pointee.pool == peer.pool)
        gst_buffer_unref(buffer)
      }
      gst_harness_push_upstream_event(harness.harness, gst_event_new_reconfigure())
      harness.pushFrames(4..<8)
      #expect(peer.queries == 2)
      #expect(harness.pullAll().count == 4)
      #expect(harness.reports().errors.isEmpty)
    }

    @Test func stoppingDoesNotWaitForAPoolThatIsEmpty() throws {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let peer = try PoolOwner(harness, most: 2)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      // The harness keeps what comes out: the third frame waits for a buffer.
      let ended = harness.pushElsewhere(0..<4)
      #expect(!ended.wait(seconds: 0.3))
      gst_element_set_state(harness.element, GST_STATE_NULL)
      #expect(ended.wait(seconds: 0.2))
      #expect(peer.queries == 1)
    }

    @Test func lateClipsAreLeftOutWhereQoSIsWanted() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "qos": "true", "seed": "1"])
      harness.pushFrames(0..<4)
      #expect(harness.pullAll().count == 4)
      // The harness says that it is live.
      _ = gst_harness_query_latency(harness.harness)
      // The last frame was two seconds late: the next one in time is four seconds later, in the ninth clip.
      gst_harness_push_upstream_event(
        harness.harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2, 2_000_000_000, 3 * ElementHarness.frame))
      _ = harness.pullEvents()
      harness.pushFrames(4..<8)
      #expect(harness.pullAll().isEmpty)
      #expect(harness.pullEvents() == [GST_EVENT_GAP])
      #expect(harness.reports().filter { $0.type == GST_MESSAGE_QOS }.map(\.text) == ["live"])
      harness.pushFrames(36..<40)
      // Clip 2 all the same: the seed counts clips that were left out.
      let next = harness.pullAll().first
      #expect(next?.bytes[0] == Echo.byte(seed: 3, frame: 0))
      #expect(next?.isDiscontinuous == true)
    }

    @Test func lateClipsAreMadeWhereQoSIsNotWanted() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      gst_harness_push_upstream_event(
        harness.harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2, 2_000_000_000, 0))
      harness.pushFrames(0..<4)
      #expect(harness.pullAll().count == 4)
    }

    @Test func qualityEventsOfAnySizeDoNoHarm() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "qos": "true"])
      harness.pushFrames(0..<4)
      for jitter in [GstClockTimeDiff.max, .min, 0] {
        for time in [0, GstClockTime(cgst_clock_time_none) - 1, GstClockTime(cgst_clock_time_none)] {
          gst_harness_push_upstream_event(
            harness.harness, gst_event_new_qos(GST_QOS_TYPE_OVERFLOW, 1, jitter, time))
        }
      }
      harness.pushFrames(4..<8)
      #expect(harness.pullAll().count == 8)
    }

    @Test func seeksThatPlayBackwardsAreRefused() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      func seek(_ rate: Double) -> guint {
        let before = gst_harness_upstream_events_received(harness.harness)
        let seek = gst_event_new_seek(
          rate, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, 1_000_000_000)
        let isTaken = gst_harness_push_upstream_event(harness.harness, seek)
        #expect(isTaken == 0 || rate > 0)
        return gst_harness_upstream_events_received(harness.harness) - before
      }
      #expect(seek(-1) == 0)
      #expect(seek(1) == 1)
      #expect(harness.reports().errors.isEmpty)
    }

    @Test func theExpectedLatencyCountsFromTheStart() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "processing-latency": "2000000000"])
      #expect(gst_harness_query_latency(harness.harness) == 4 * ElementHarness.frame + 2_000_000_000)
      harness.pushFrames(0..<4)
      #expect(gst_harness_query_latency(harness.harness) == 4 * ElementHarness.frame + 2_000_000_000)
    }

    @Test func aLatencyThatMovesIsAnnounced() {
      let harness = ElementHarness(["prompt": "slow", "mode": "apply", "num-frames": "1"])
      // Of the frame rate, then of the first clip's generation.
      #expect(harness.reports().names(of: GST_MESSAGE_LATENCY).count == 1)
      harness.pushFrames(0..<1)
      #expect(harness.reports().names(of: GST_MESSAGE_LATENCY).count == 1)
      harness.pushFrames(1..<3)
      #expect(harness.reports().names(of: GST_MESSAGE_LATENCY).isEmpty)
    }

    @Test func aControllerMovesAPropertyFromClipToClip() throws {
      let harness = ElementHarness(["prompt": "scale", "mode": "apply"])
      let source = try #require(gst_interpolation_control_source_new())
      gst_util_set_object_arg(
        UnsafeMutableRawPointer(source).assumingMemoryBound(to: GObject.self), "mode", "linear")
      let values = UnsafeMutableRawPointer(source).assumingMemoryBound(to: GstTimedValueControlSource.self)
      gst_timed_value_control_source_set(values, 0, 0)
      gst_timed_value_control_source_set(values, 8 * ElementHarness.frame, 2)
      let object = UnsafeMutableRawPointer(harness.element).assumingMemoryBound(to: GstObject.self)
      let binding = gst_direct_control_binding_new_absolute(object, "motion-scale", source)
      #expect(gst_object_add_control_binding(object, binding) != 0)
      gst_object_unref(source)
      harness.pushFrames(0..<12)
      #expect(harness.pullAll().map { $0.bytes[0] } == [0, 100, 200].flatMap { Array(repeating: $0, count: 4) })
    }

    @Test func interlacedInputIsWarnedOfWhereItsPixelsCount() {
      let caps = "\(ElementHarness.rgb),interlace-mode=interleaved"
      let learning = ElementHarness(["prompt": "fox"], caps: caps)
      #expect(learning.reports().warnings.map(\.name) == [error(GST_STREAM_ERROR_FORMAT)])
      let applying = ElementHarness(["prompt": "fox", "mode": "apply"], caps: caps)
      #expect(applying.reports().warnings.isEmpty)
    }

    @Test func memoryOfAnotherKindIsRefused() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let pad = gst_element_get_static_pad(harness.element, "sink")!
      defer { gst_object_unref(pad) }
      for text in ["video/x-raw(memory:DMABuf),format=RGB", "video/x-raw(format:Interlaced),format=RGB", "audio/x-raw"]
      {
        let caps = gst_caps_from_string("\(text),width=16,height=8,framerate=8/1")!
        defer { gst_caps_unref(caps) }
        #expect(gst_pad_query_accept_caps(pad, caps) == 0, "\(text)")
      }
    }
  }
}

/// A downstream element that offers a buffer pool of its own.
private final class PoolOwner: @unchecked Sendable {
  let pool: UnsafeMutablePointer<GstBufferPool>
  private let most: guint
  private(set) var queries = 0

  init(_ harness: ElementHarness, most: guint = 0) throws {
    self.most = most
    pool = try #require(gst_video_buffer_pool_new())
    let pad = try #require(gst_element_get_static_pad(harness.element, "src"))
    defer { gst_object_unref(pad) }
    let types = GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM.rawValue | GST_PAD_PROBE_TYPE_PUSH.rawValue
    gst_pad_add_probe(
      pad, GstPadProbeType(types),
      { _, info, raw in
        guard let info, let raw, let query = gst_pad_probe_info_get_query(info),
          cgst_query_type(query) == GST_QUERY_ALLOCATION
        else { return GST_PAD_PROBE_OK }
        let owner = Unmanaged<PoolOwner>.fromOpaque(raw).takeUnretainedValue()
        owner.queries += 1
        gst_query_add_allocation_pool(query, owner.pool, 384, 0, owner.most)
        return GST_PAD_PROBE_HANDLED
      }, Unmanaged.passUnretained(self).toOpaque(), nil)
  }

  deinit { gst_object_unref(pool) }
}
