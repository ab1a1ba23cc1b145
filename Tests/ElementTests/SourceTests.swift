// motiongeneratesrc: clips without a reference.
import CGStreamer
import CGstCheck
import Foundation
import Synchronization
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Sources {
    @Test func clipsFollowEachOtherUntilNumBuffers() {
      let source = SourceHarness(["prompt": "fox", "num-buffers": "10", "seed": "3"])
      source.play()
      let frames = source.pull(11)
      #expect(frames.map(\.pts) == (0..<10).map { $0 * ElementHarness.frame })
      #expect(frames.map { $0.bytes[0] } == (0..<10).map { Echo.byte(seed: 3 + UInt64($0 / 4), frame: $0 % 4) })
      let reports = GStreamer.reports(source.bus)
      #expect(reports.progress == ["START", "COMPLETE", "START", "COMPLETE", "START", "COMPLETE"])
      #expect(reports.filter { $0.name == "motiontransfer-clip" }.count == 3)
    }

    @Test func downstreamChoosesTheFrameRate() throws {
      let source = SourceHarness(["prompt": "fox", "num-buffers": "2"], caps: "video/x-raw,framerate=25/1")
      source.play()
      #expect(source.pull(2).map(\.pts) == [0, 40_000_000])
    }

    @Test func aSizeThatDownstreamDoesNotTakeIsAnError() {
      let source = SourceHarness(["prompt": "fox"], caps: "video/x-raw,width=100")
      source.play()
      #expect(source.pull(1).isEmpty)
      #expect(!GStreamer.reports(source.bus).errors.isEmpty)
    }

    @Test(arguments: [(9, 2), (4, 1), (3, 0), (0, 0)])
    func aSeekGivesTheFramesOfThatTime(_ frame: Int, _ clip: UInt64) {
      let source = SourceHarness(["prompt": "fox", "seed": "1"])
      source.play()
      #expect(source.pull(2).count == 2)
      #expect(source.seek(to: GstClockTime(frame) * ElementHarness.frame))
      let found = source.pull(1, after: GstClockTime(frame) * ElementHarness.frame)
      #expect(found.first?.pts == GstClockTime(frame) * ElementHarness.frame)
      #expect(found.first?.bytes[0] == Echo.byte(seed: 1 + clip, frame: frame % 4))
    }

    @Test func aSeekBeforeTheStartCounts() {
      let source = SourceHarness(["prompt": "fox", "seed": "1"])
      gst_element_set_state(source.pipeline, GST_STATE_READY)
      let seek = gst_event_new_seek(
        1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, gint64(9 * ElementHarness.frame),
        GST_SEEK_TYPE_NONE, 0)
      #expect(gst_element_send_event(source.element, seek) != 0)
      source.play()
      let first = source.pull(1).first
      #expect(first?.pts == 9 * ElementHarness.frame)
      #expect(first?.bytes[0] == Echo.byte(seed: 3, frame: 1))
      // It begins inside its clip, before which none is made, and is shown at once.
      let clip = GStreamer.reports(source.bus).first { $0.name == "motiontransfer-clip" }
      #expect(clip?.text.contains("clip=(guint64)2,") == true)
      #expect(clip?.text.contains("running-time=(guint64)0,") == true)
    }

    @Test(arguments: [("25/1", "8/1"), ("8/1", "25/1")]) func timesGoOnWhereTheFrameRateChanges(
      _ before: String, _ after: String
    ) throws {
      let source = SourceHarness(["prompt": "fox"], caps: "video/x-raw,framerate=\(before)")
      source.play()
      var frames = source.pull(3)
      source.restrict(to: "video/x-raw,framerate=\(after)")
      frames += source.pull(8)
      let duration: GstClockTime = after == "8/1" ? 125_000_000 : 40_000_000
      for (this, next) in zip(frames, frames.dropFirst()) {
        #expect(this.pts + this.duration..<this.pts + this.duration + duration ~= next.pts)
      }
      let last = try #require(frames.last)
      let index = Int(last.pts / duration)
      #expect(last.duration == duration && last.pts == GstClockTime(index) * duration)
      #expect(last.bytes[0] == Echo.byte(seed: UInt64(index / 4), frame: index % 4))
    }

    @Test func stridesAreStatedWhereDownstreamReadsThem() {
      let source = SourceHarness(["prompt": "fox"])
      source.readStrides()
      source.play()
      #expect(source.pull(1).map(\.statesStrides) == [true])
    }

    @Test func aSeekBeyondAllTimeDoesNoHarm() {
      let source = SourceHarness(["prompt": "fox"])
      source.play()
      #expect(source.pull(1).count == 1)
      _ = source.seek(to: GstClockTime(Int.max))
      _ = source.pull(1)
      #expect(source.seek(to: 0))
      #expect(source.pull(1, after: 0).first?.pts == 0)
    }

    @Test func stoppingStopsAGeneration() {
      let source = SourceHarness(["prompt": "wait"])
      source.play()
      let patience = Date().addingTimeInterval(5)
      while Echo.running.load(ordering: .relaxed) == 0, Date() < patience { usleep(500) }
      let start = Date()
      // Not to NULL, where a pipeline forgets its messages.
      gst_element_set_state(source.pipeline, GST_STATE_READY)
      #expect(Date().timeIntervalSince(start) < 0.1)
      #expect(GStreamer.reports(source.bus).progress == ["START", "CANCELED"])
    }

    @Test(arguments: [GST_STATE_READY, GST_STATE_NULL])
    func aSourceRestartsAfterAnErrorAndAfterAnInterruption(_ state: GstState) {
      let source = SourceHarness(["prompt": "fail"])
      source.play()
      #expect(source.pull(1).isEmpty)
      #expect(!GStreamer.reports(source.bus).errors.isEmpty)
      gst_element_set_state(source.pipeline, state)
      source.set("prompt", "wait")
      source.play()
      let patience = Date().addingTimeInterval(5)
      while Echo.running.load(ordering: .relaxed) == 0, Date() < patience { usleep(500) }
      gst_element_set_state(source.pipeline, state)
      source.set("prompt", "fox")
      source.play()
      // In READY appsink remembers the end of its last stream, and says so whenever no frame waits.
      var times: [GstClockTime] = []
      while times.count < 5, Date() < patience { times += source.pull(1).map(\.pts) }
      #expect(times == (0..<5).map { $0 * ElementHarness.frame })
    }

    @Test func whatCannotWorkIsRefusedAtTheStart() {
      let cases: [(KeyValuePairs<String, String>, String)] = [
        ([:], error(GST_RESOURCE_ERROR_SETTINGS)),
        (["prompt": "fox", "model": "/nowhere"], error(GST_RESOURCE_ERROR_NOT_FOUND)),
        (["prompt": "fox", "motion-embedding": "/nowhere/x"], error(GST_RESOURCE_ERROR_NOT_FOUND)),
        (["prompt": "fox", "width": "100"], error(GST_RESOURCE_ERROR_SETTINGS)),
      ]
      for (properties, expected) in cases {
        let source = SourceHarness(properties)
        #expect(gst_element_set_state(source.pipeline, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
        // GstBaseSrc adds an error of its own.
        #expect(GStreamer.reports(source.bus).errors.first?.name == expected)
      }
    }
  }
}

/// A pipeline `motiongeneratesrc ! capsfilter ! appsink`.
private final class SourceHarness {
  let pipeline: UnsafeMutablePointer<GstElement>
  let element: UnsafeMutablePointer<GstElement>
  let bus: UnsafeMutablePointer<GstBus>
  private let sink: UnsafeMutablePointer<GstElement>

  init(_ properties: KeyValuePairs<String, String>, caps: String = "video/x-raw") {
    _ = GStreamer.start
    pipeline = gst_parse_launch(
      "motiongeneratesrc name=s ! capsfilter name=c caps=\"\(caps)\" caps-change-mode=delayed ! "
        + "appsink name=a sync=false max-buffers=2", nil)!
    gst_object_ref_sink(pipeline)
    element = gst_bin_get_by_name(cgst_bin(pipeline), "s")
    sink = gst_bin_get_by_name(cgst_bin(pipeline), "a")
    bus = gst_element_get_bus(pipeline)
    for (name, value) in properties { set(name, value) }
  }

  func set(_ name: String, _ value: String) { gst_util_set_object_arg(GStreamer.object(element), name, value) }

  func restrict(to text: String) {
    let filter = gst_bin_get_by_name(cgst_bin(pipeline), "c")!
    defer { gst_object_unref(filter) }
    let caps = gst_caps_from_string(text)!
    defer { gst_caps_unref(caps) }
    cgst_set_caps(filter, "caps", caps)
  }

  /// Answers the ALLOCATION query as an element that takes any stride.
  func readStrides() {
    let pad = gst_element_get_static_pad(element, "src")!
    defer { gst_object_unref(pad) }
    let types = GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM.rawValue | GST_PAD_PROBE_TYPE_PUSH.rawValue
    gst_pad_add_probe(
      pad, GstPadProbeType(types),
      { _, info, _ in
        guard let info, let query = gst_pad_probe_info_get_query(info), cgst_query_type(query) == GST_QUERY_ALLOCATION
        else { return GST_PAD_PROBE_OK }
        gst_query_add_allocation_meta(query, cgst_video_meta_api(), nil)
        return GST_PAD_PROBE_HANDLED
      }, nil, nil)
  }

  deinit {
    stop()
    for object in [element, sink, pipeline] { gst_object_unref(object) }
    gst_object_unref(bus)
  }

  func play() { gst_element_set_state(pipeline, GST_STATE_PLAYING) }
  func stop() { gst_element_set_state(pipeline, GST_STATE_NULL) }

  func seek(to time: GstClockTime) -> Bool {
    gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, gint64(clamping: time)) != 0
  }

  /// Up to `count` frames, fewer at EOS or after an error.
  func pull(_ count: Int, after start: GstClockTime = 0) -> [OutFrame] {
    var frames: [OutFrame] = []
    while frames.count < count {
      guard let sample = gst_app_sink_try_pull_sample(cgst_app_sink(sink), 2_000_000_000) else { break }
      defer { gst_sample_unref(sample) }
      guard let buffer = gst_sample_get_buffer(sample), buffer.pointee.pts >= start else { continue }
      frames.append(OutFrame(buffer))
    }
    return frames
  }
}
