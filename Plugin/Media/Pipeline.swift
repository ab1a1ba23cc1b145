// A short-lived GStreamer pipeline that is polled, and whose errors become MotionTransferErrors.
import CGStreamer
import MotionTransfer

/// GStreamer's start, once per process and only when something needs it.
enum GStreamerLibrary {
  private static let failure: String? = {
    var error: UnsafeMutablePointer<GError>?
    guard gst_init_check(nil, nil, &error) == 0 else { return nil }
    defer { g_clear_error(&error) }
    return error.map { String(cString: $0.pointee.message) } ?? "unknown reason"
  }()

  static func start() throws(MotionTransferError) {
    if let failure { throw MotionTransferError(.failed, "GStreamer did not start: \(failure)") }
  }

  /// Whether an element of this name is installed.
  static func has(_ element: String) -> Bool {
    guard let factory = gst_element_factory_find(element) else { return false }
    gst_object_unref(UnsafeMutableRawPointer(factory))
    return true
  }
}

/// Runs from `start()` until it is released. Its owner polls it: `check` throws what the elements reported.
final class Pipeline {
  private let pipeline: UnsafeMutablePointer<GstElement>
  private let bus: UnsafeMutablePointer<GstBus>
  private let file: String
  private var missing: [String] = []
  private(set) var isAtEnd = false

  /// - Parameters:
  ///   - description: in gst-launch's language; holds no text from outside.
  ///   - file: what the pipeline reads or writes, for messages.
  init(_ description: String, file: String) throws(MotionTransferError) {
    try GStreamerLibrary.start()
    var error: UnsafeMutablePointer<GError>?
    let made = gst_parse_launch_full(description, nil, GST_PARSE_FLAG_FATAL_ERRORS, &error)
    guard let made, let bus = gst_element_get_bus(made) else {
      defer { g_clear_error(&error) }
      let reason = error.map { String(cString: $0.pointee.message) } ?? "unknown reason"
      throw MotionTransferError(
        .failed,
        "\(file): GStreamer cannot make '\(description)': \(reason); install the plugins that it names")
    }
    self.pipeline = made
    self.bus = bus
    self.file = file
  }

  deinit {
    gst_element_set_state(pipeline, GST_STATE_NULL)
    gst_object_unref(bus)
    gst_object_unref(pipeline)
  }

  /// Calls `body` with a named element.
  func with<R>(_ name: String, _ body: (UnsafeMutablePointer<GstElement>) -> R) throws(MotionTransferError)
    -> R
  {
    guard let element = gst_bin_get_by_name(cgst_bin(pipeline), name) else {
      throw MotionTransferError(.failed, "\(file): the pipeline has no element '\(name)'")
    }
    defer { gst_object_unref(element) }
    return body(element)
  }

  func start() throws(MotionTransferError) {
    guard gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE else { return }
    try check()
    throw MotionTransferError(.failed, "\(file): the pipeline does not start")
  }

  /// Reads the messages that came in, waiting at most `milliseconds` for the first.
  func check(waiting milliseconds: UInt = 0) throws(MotionTransferError) {
    var wait = milliseconds * 1_000_000
    while let message = gst_bus_timed_pop(bus, wait) {
      defer { gst_message_unref(message) }
      wait = 0
      switch cgst_message_type(message) {
      case GST_MESSAGE_EOS: isAtEnd = true
      case GST_MESSAGE_ELEMENT: note(message)
      case GST_MESSAGE_ERROR: throw failure(message)
      default: break
      }
    }
  }

  /// decodebin names each decoder that it lacks in a message before it fails.
  private func note(_ message: UnsafeMutablePointer<GstMessage>) {
    guard let structure = gst_message_get_structure(message),
      gst_structure_has_name(structure, "missing-plugin") != 0,
      let name = gst_structure_get_string(structure, "name")
    else { return }
    missing.append(String(cString: name))
  }

  /// The error for what decodebin lacked so far.
  var missingPlugin: MotionTransferError? {
    guard !missing.isEmpty else { return nil }
    return MotionTransferError(
      .unreadable,
      "\(file): no GStreamer plugin for \(missing.joined(separator: ", ")) is installed; "
        + "install gstreamer1.0-libav or the plugin set that has it")
  }

  private func failure(_ message: UnsafeMutablePointer<GstMessage>) -> MotionTransferError {
    var error: UnsafeMutablePointer<GError>?
    var debug: UnsafeMutablePointer<CChar>?
    gst_message_parse_error(message, &error, &debug)
    defer {
      g_clear_error(&error)
      g_free(debug)
    }
    guard let error else {
      return MotionTransferError(.failed, "\(file): GStreamer failed for no stated reason")
    }
    if let missingPlugin { return missingPlugin }
    let text = String(cString: error.pointee.message)
    let detail = debug.map { " (\(String(cString: $0).split(separator: "\n").last ?? ""))" } ?? ""
    return MotionTransferError(Pipeline.kind(of: error.pointee), "\(file): \(text)\(detail)")
  }

  private static func kind(of error: GError) -> MotionTransferError.Kind {
    if error.domain == gst_stream_error_quark() { return .badData }
    guard error.domain == gst_resource_error_quark() else { return .failed }
    switch GstResourceError(UInt32(bitPattern: error.code)) {
    case GST_RESOURCE_ERROR_NOT_FOUND: return .notFound
    case GST_RESOURCE_ERROR_OPEN_READ, GST_RESOURCE_ERROR_READ, GST_RESOURCE_ERROR_SEEK: return .unreadable
    case GST_RESOURCE_ERROR_NO_SPACE_LEFT: return .noSpace
    case GST_RESOURCE_ERROR_OPEN_WRITE, GST_RESOURCE_ERROR_WRITE, GST_RESOURCE_ERROR_OPEN_READ_WRITE:
      return .unwritable
    default: return .failed
    }
  }
}
