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
      "motiongeneratesrc name=s ! capsfilter caps=\"\(caps)\" ! appsink name=a sync=false max-buffers=2", nil)!
    gst_object_ref_sink(pipeline)
    element = gst_bin_get_by_name(cgst_bin(pipeline), "s")
    sink = gst_bin_get_by_name(cgst_bin(pipeline), "a")
    bus = gst_element_get_bus(pipeline)
    for (name, value) in properties { set(name, value) }
  }

  func set(_ name: String, _ value: String) { gst_util_set_object_arg(GStreamer.object(element), name, value) }

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
