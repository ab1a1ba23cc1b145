// The text pad: cues that become prompts.
import CGStreamer
import CGstCheck
import Foundation
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Texts {
    private func prompts(_ harness: ElementHarness) -> [String] {
      harness.reports().filter { $0.name == "motiontransfer-clip" }.compactMap { report in
        report.text.components(separatedBy: "prompt=(string)").last?.components(separatedBy: ",").first?
          .filter { !"\"\\;".contains($0) }
      }
    }

    @Test func theCueThatCoversMostOfAClipIsItsPrompt() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let text = TextSource(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      // Clips of half a second: the first is covered by "pig" to 3/10, the second by nothing, the third by "star".
      text.push("pig", at: 0, for: 200_000_000)
      text.push("owl", at: 200_000_000, for: 300_000_000)
      text.push("  star\n  at night ", at: 1_000_000_000, for: nil)
      text.push("late", at: 9_000_000_000, for: 1_000_000_000)
      harness.pushFrames(0..<16)
      #expect(prompts(harness) == ["owl", "fox", "star at night", "star at night"])
    }

    @Test func aClipWaitsForItsText() {
      let harness = ElementHarness(["mode": "apply"], caps: nil, requesting: "text")
      let text = TextSource(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      let ended = harness.pushElsewhere(0..<4)
      #expect(!ended.wait(seconds: 0.2))
      text.push("pig", at: 0, for: 100_000_000)
      #expect(!ended.wait(seconds: 0.1))
      text.push(gst_event_new_gap(100_000_000, 900_000_000))
      #expect(ended.wait(seconds: 5))
      #expect(prompts(harness) == ["pig"])
    }

    @Test func aClipReachesItsEndThroughAnyNumberOfCues() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let text = TextSource(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      let clips = harness.pushElsewhere(0..<8)
      let cues = Ended()
      Threads.start {
        for index in 0..<1000 {
          text.push(
            index == 700 ? "owl" : "pig", at: GstClockTime(index) * 1_000_000, for: index == 700 ? 2_000_000 : 1_000_000
          )
        }
        cues.signal()
      }
      #expect(clips.wait(seconds: 2))
      #expect(cues.wait(seconds: 1))
      #expect(prompts(harness) == ["pig", "owl"])
    }

    @Test func aPadThatIsNotLinkedHasNoText() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], requesting: "text")
      #expect(harness.pushElsewhere(0..<4).wait(seconds: 1))
      #expect(prompts(harness) == ["fox"])
    }

    @Test func whatTheTextTakesCountsInTheLatency() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let text = TextSource(harness)
      text.beLate()
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      gst_harness_set_upstream_latency(harness.harness, 1000)
      #expect(gst_harness_query_latency(harness.harness) == 4 * ElementHarness.frame + 2_000_000_000)
    }

    @Test(arguments: ["eos", "stop", "flush", "release", "unlink"]) func nobodyWaitsForEver(_ how: String) {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let text = TextSource(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      let ended = harness.pushElsewhere(0..<4)
      #expect(!ended.wait(seconds: 0.1))
      switch how {
      case "eos": text.push(gst_event_new_eos())
      case "stop": gst_element_set_state(harness.element, GST_STATE_NULL)
      case "flush": harness.push(gst_event_new_flush_start())
      case "unlink": text.unlink()
      default: gst_element_release_request_pad(harness.element, text.pad)
      }
      #expect(ended.wait(seconds: 0.2))
      #expect(harness.pullAll().count == (["stop", "flush"].contains(how) ? 0 : 4))
      #expect(harness.reports().errors.isEmpty)
    }

    @Test func textThatRunsFarAheadIsHeld() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"], caps: nil)
      let text = TextSource(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      let ended = Ended()
      Threads.start {
        for index in 0..<1000 { text.push("pig", at: GstClockTime(index) * 1_000_000_000, for: 500_000_000) }
        ended.signal()
      }
      #expect(!ended.wait(seconds: 0.3))
      gst_element_set_state(harness.element, GST_STATE_NULL)
      #expect(ended.wait(seconds: 1))
    }

    @Test func withoutAnyPromptAClipIsAnError() {
      let harness = ElementHarness(["mode": "apply"], caps: nil, requesting: "text")
      let text = TextSource(harness)
      gst_harness_set_src_caps_str(harness.harness, ElementHarness.rgb)
      text.push(gst_event_new_eos())
      for index in 0..<3 { harness.push(index) }
      #expect(harness.push(3) == GST_FLOW_ERROR)
      #expect(harness.reports().errors.map(\.name) == [error(GST_RESOURCE_ERROR_SETTINGS)])
    }

    @Test func onlyOneTextPadAndNoneOfItsEventsDownstream() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply"])
      let text = TextSource(harness)
      #expect(gst_element_request_pad_simple(harness.element, "text") == nil)
      _ = harness.pullEvents()
      text.push(gst_event_new_eos())
      #expect(harness.pullEvents().isEmpty)
    }

    @Test func markupBecomesPlainText() {
      #expect(Cues.plain("<b>a fox</b> &amp; <i>snow</i>\n&lt;3", isMarkup: true) == "a fox & snow <3")
      #expect(Cues.plain("a < b", isMarkup: false) == "a < b")
      #expect(Cues.plain("<unclosed", isMarkup: true).isEmpty)
    }
  }
}

/// What feeds the text pad.
private final class TextSource: @unchecked Sendable {
  let pad: UnsafeMutablePointer<GstPad>
  private let source: UnsafeMutablePointer<GstPad>

  init(_ harness: ElementHarness) {
    pad = gst_element_get_static_pad(harness.element, "text") ?? gst_element_request_pad_simple(harness.element, "text")
    source = gst_pad_new("text-source", GST_PAD_SRC)!
    gst_object_ref_sink(source)
    gst_pad_link(source, pad)
    gst_pad_set_active(source, 1)
    push(gst_event_new_stream_start("text"))
    let caps = gst_caps_from_string("text/x-raw,format=utf8")!
    push(gst_event_new_caps(caps))
    gst_caps_unref(caps)
    var segment = GstSegment()
    gst_segment_init(&segment, GST_FORMAT_TIME)
    push(gst_event_new_segment(&segment))
  }

  deinit {
    gst_pad_set_active(source, 0)
    gst_object_unref(source)
    gst_object_unref(pad)
  }

  func unlink() { gst_pad_unlink(source, pad) }

  /// From now on a live source whose text comes two seconds late.
  func beLate() {
    gst_pad_set_query_function_full(
      source,
      { _, _, query in
        guard let query, cgst_query_type(query) == GST_QUERY_LATENCY else { return 0 }
        gst_query_set_latency(query, 1, 2_000_000_000, GstClockTime(cgst_clock_time_none))
        return 1
      }, nil, nil)
  }

  func push(_ event: UnsafeMutablePointer<GstEvent>) { gst_pad_push_event(source, event) }

  func push(_ text: String, at time: GstClockTime, for duration: GstClockTime?) {
    let bytes = Array(text.utf8)
    let buffer = gst_buffer_new_allocate(nil, UInt(bytes.count), nil)!
    gst_buffer_fill(buffer, 0, bytes, UInt(bytes.count))
    buffer.pointee.pts = time
    buffer.pointee.duration = duration ?? GstClockTime(cgst_clock_time_none)
    gst_pad_push(source, buffer)
  }
}
