// GstHarness for this element: properties first, then frames in and out, and every message on the way.
import CGStreamer
import CGstCheck
import CGstMotionTransfer
import Foundation
import Testing

@testable import MotionTransferElement

/// All suites run one after another: several measure time.
@Suite(.serialized) enum ElementSuite {
  /// A whole model folder of a few kilobytes, for the real engine.
  static let tinyModel = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Goldens/tiny-zeroscope").standardized.path
}

/// A frame that came out.
struct OutFrame: Equatable {
  var pts: GstClockTime
  var duration: GstClockTime
  var bytes: [UInt8]
  var isDiscontinuous: Bool
  /// A meta says where its planes and rows begin.
  var statesStrides: Bool

  init(_ buffer: UnsafeMutablePointer<GstBuffer>) {
    bytes = [UInt8](repeating: 0, count: Int(gst_buffer_get_size(buffer)))
    gst_buffer_extract(buffer, 0, &bytes, UInt(bytes.count))
    pts = buffer.pointee.pts
    duration = buffer.pointee.duration
    isDiscontinuous = buffer.pointee.mini_object.flags & GST_BUFFER_FLAG_DISCONT.rawValue != 0
    statesStrides = gst_buffer_get_meta(buffer, cgst_video_meta_api()) != nil
  }
}

/// A message from the bus.
struct Report: Equatable {
  var type: GstMessageType
  /// An element message's name; a progress message's type; an error's domain and code,
  /// `gst-resource-error-quark 13`.
  var name: String
  var text: String
}

enum GStreamer {
  static let start: Void = {
    gst_init(nil, nil)
    _ = Echo.install
    gst_motion_transfer_register(nil)
  }()

  /// A new element in NULL with these properties, its messages on `bus`. Not floating: the caller owns it.
  static func element(
    _ properties: some Sequence<(key: String, value: String)>, bus: UnsafeMutablePointer<GstBus>
  ) -> UnsafeMutablePointer<GstElement> {
    let element = gst_element_factory_make("motiontransfer", nil)!
    gst_object_ref_sink(element)
    for (name, value) in properties { gst_util_set_object_arg(object(element), name, value) }
    gst_element_set_bus(element, bus)
    return element
  }

  static func object(_ element: UnsafeMutablePointer<GstElement>) -> UnsafeMutablePointer<GObject> {
    UnsafeMutableRawPointer(element).assumingMemoryBound(to: GObject.self)
  }

  static func reports(_ bus: UnsafeMutablePointer<GstBus>) -> [Report] {
    var reports: [Report] = []
    while let message = gst_bus_pop(bus) {
      defer { gst_message_unref(message) }
      if let report = report(message) { reports.append(report) }
    }
    return reports
  }

  private static func report(_ message: UnsafeMutablePointer<GstMessage>) -> Report? {
    let type = cgst_message_type(message)
    switch type {
    case GST_MESSAGE_ERROR, GST_MESSAGE_WARNING:
      var error: UnsafeMutablePointer<GError>?
      if type == GST_MESSAGE_ERROR {
        gst_message_parse_error(message, &error, nil)
      } else {
        gst_message_parse_warning(message, &error, nil)
      }
      defer { g_clear_error(&error) }
      guard let error else { return nil }
      let domain = String(cString: g_quark_to_string(error.pointee.domain))
      return Report(
        type: type, name: "\(domain) \(error.pointee.code)", text: String(cString: error.pointee.message))
    case GST_MESSAGE_PROGRESS:
      var kind = GST_PROGRESS_TYPE_START
      var code: UnsafeMutablePointer<CChar>?
      var text: UnsafeMutablePointer<CChar>?
      gst_message_parse_progress(message, &kind, &code, &text)
      defer {
        g_free(code)
        g_free(text)
      }
      let names = ["START", "CONTINUE", "COMPLETE", "CANCELED", "ERROR"]
      return Report(
        type: type, name: "\(String(cString: code!)) \(names[Int(kind.rawValue)])",
        text: String(cString: text!))
    case GST_MESSAGE_ELEMENT:
      let structure = gst_message_get_structure(message)!
      let text = gst_structure_to_string(structure)!
      defer { g_free(text) }
      return Report(
        type: type, name: String(cString: gst_structure_get_name(structure)), text: String(cString: text))
    case GST_MESSAGE_QOS:
      var isLive: gboolean = 0
      gst_message_parse_qos(message, &isLive, nil, nil, nil, nil)
      return Report(type: type, name: "qos", text: isLive != 0 ? "live" : "")
    case GST_MESSAGE_LATENCY: return Report(type: type, name: "latency", text: "")
    default:
      return nil
    }
  }
}

/// An element under test, in PLAYING. Frames are pushed on the caller's thread; what comes out waits in a
/// queue.
final class ElementHarness: @unchecked Sendable {
  let harness: UnsafeMutablePointer<GstHarness>
  let element: UnsafeMutablePointer<GstElement>
  let bus: UnsafeMutablePointer<GstBus>

  /// - Parameters:
  ///   - caps: of the input; nil sends none.
  ///   - name: a pad to request before the start.
  init(
    _ properties: some Sequence<(key: String, value: String)>, caps: String? = ElementHarness.rgb,
    requesting name: String? = nil
  ) {
    _ = GStreamer.start
    bus = gst_bus_new()
    element = GStreamer.element(properties, bus: bus)
    if let name, let pad = gst_element_request_pad_simple(element, name) { gst_object_unref(pad) }
    harness = gst_harness_new_with_element(element, "sink", "src")
    if let caps { gst_harness_set_src_caps_str(harness, caps) }
  }

  deinit {
    gst_element_set_bus(element, nil)
    gst_harness_teardown(harness)
    gst_object_unref(element)
    gst_object_unref(bus)
  }

  /// 16x8 RGB at 8 frames a second: the test engine's own size, so that nothing is scaled.
  static let rgb = "video/x-raw,format=RGB,width=16,height=8,framerate=8/1"
  /// Nanoseconds of a frame at 8 frames a second.
  static let frame: GstClockTime = 125_000_000

  func buffer(_ bytes: [UInt8], pts: GstClockTime?, duration: GstClockTime? = nil) -> UnsafeMutablePointer<
    GstBuffer
  > {
    let buffer = gst_buffer_new_allocate(nil, UInt(bytes.count), nil)!
    gst_buffer_fill(buffer, 0, bytes, UInt(bytes.count))
    buffer.pointee.pts = pts ?? GstClockTime(cgst_clock_time_none)
    buffer.pointee.duration = duration ?? GstClockTime(cgst_clock_time_none)
    return buffer
  }

  /// Pushes frame `index`: 16x8 RGB, every byte `value`, at its time.
  @discardableResult
  func push(_ index: Int, value: UInt8 = 0) -> GstFlowReturn {
    let bytes = [UInt8](repeating: value, count: 16 * 8 * 3)
    let time = GstClockTime(index) * ElementHarness.frame
    return gst_harness_push(harness, buffer(bytes, pts: time, duration: ElementHarness.frame))
  }

  func pushFrames(_ indices: Range<Int>) {
    for index in indices { #expect(push(index, value: UInt8(index)) == GST_FLOW_OK) }
  }

  @discardableResult
  func push(_ event: UnsafeMutablePointer<GstEvent>) -> Bool { gst_harness_push_event(harness, event) != 0 }

  func pullAll() -> [OutFrame] {
    var frames: [OutFrame] = []
    while let buffer = gst_harness_try_pull(harness) {
      defer { gst_buffer_unref(buffer) }
      frames.append(OutFrame(buffer))
    }
    return frames
  }

  /// Events that have come out and were not yet asked for.
  func pullEvents() -> [GstEventType] {
    var types: [GstEventType] = []
    while let event = gst_harness_try_pull_event(harness) {
      types.append(cgst_event_type(event))
      gst_event_unref(event)
    }
    return types
  }

  /// Messages that have come and were not yet asked for.
  func reports() -> [Report] { GStreamer.reports(bus) }

  func outputCaps() -> String? {
    let pad = gst_element_get_static_pad(element, "src")!
    defer { gst_object_unref(pad) }
    guard let caps = gst_pad_get_current_caps(pad) else { return nil }
    defer { gst_caps_unref(caps) }
    return describe(caps)
  }
}

extension [Report] {
  func names(of type: GstMessageType) -> [String] { filter { $0.type == type }.map(\.name) }
  var errors: [Report] { filter { $0.type == GST_MESSAGE_ERROR } }
  var warnings: [Report] { filter { $0.type == GST_MESSAGE_WARNING } }
  /// PROGRESS without CONTINUE.
  var progress: [String] {
    names(of: GST_MESSAGE_PROGRESS).filter { !$0.hasSuffix("CONTINUE") }
      .map { String($0.split(separator: " ").last!) }
  }
}

extension GstMessageType: @retroactive Equatable {}

func error(_ code: GstResourceError) -> String { "gst-resource-error-quark \(code.rawValue)" }
func error(_ code: GstStreamError) -> String { "gst-stream-error-quark \(code.rawValue)" }
func error(_ code: GstCoreError) -> String { "gst-core-error-quark \(code.rawValue)" }

/// A folder that is gone when the test ends.
final class ScratchFolder {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "/motiontransfer-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  subscript(_ name: String) -> String { "\(path)/\(name)" }
  var contents: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}
