// What the element tells the application: errors, warnings and log lines.
import CGStreamer
import CGstMotionTransfer
import MotionTransfer

/// An error message for the bus: where it belongs, and what to do about it.
struct ElementError: Error {
  let domain: GQuark
  let code: Int32
  let text: String

  static func resource(_ code: GstResourceError, _ text: String) -> ElementError {
    ElementError(domain: gst_resource_error_quark(), code: Int32(bitPattern: code.rawValue), text: text)
  }
  static func stream(_ code: GstStreamError, _ text: String) -> ElementError {
    ElementError(domain: gst_stream_error_quark(), code: Int32(bitPattern: code.rawValue), text: text)
  }
  static func core(_ code: GstCoreError, _ text: String) -> ElementError {
    ElementError(domain: gst_core_error_quark(), code: Int32(bitPattern: code.rawValue), text: text)
  }

  init(domain: GQuark, code: Int32, text: String) {
    self.domain = domain
    self.code = code
    self.text = text
  }

  /// The engine's errors, each in the domain where applications look for it.
  init(_ error: MotionTransferError) {
    let text = error.message
    switch error.kind {
    case .settings: self = .resource(GST_RESOURCE_ERROR_SETTINGS, text)
    case .notFound: self = .resource(GST_RESOURCE_ERROR_NOT_FOUND, text)
    case .unreadable: self = .resource(GST_RESOURCE_ERROR_OPEN_READ, text)
    case .badData: self = .stream(GST_STREAM_ERROR_DECODE, text)
    case .mismatch: self = .stream(GST_STREAM_ERROR_WRONG_TYPE, text)
    case .noSpace: self = .resource(GST_RESOURCE_ERROR_NO_SPACE_LEFT, text)
    case .unwritable: self = .resource(GST_RESOURCE_ERROR_OPEN_WRITE, text)
    case .cancelled, .failed:
      self = ElementError(
        domain: gst_library_error_quark(), code: Int32(bitPattern: GST_LIBRARY_ERROR_FAILED.rawValue),
        text: text)
    }
  }
}

/// Why the streaming thread stops what it is doing.
enum Interruption: Error {
  /// Another element, a flush or a state change wants it; nothing to report.
  case flow(GstFlowReturn)
  case failed(ElementError)
}

/// An element that tells the application things.
protocol Reporting: AnyObject, Sendable {
  /// Not retained.
  var gstElement: UnsafeMutablePointer<GstElement> { get }
}

extension Reporting {
  var gstObject: UnsafeMutablePointer<GstObject> {
    UnsafeMutableRawPointer(gstElement).assumingMemoryBound(to: GstObject.self)
  }

  /// Posts an element message; takes `structure`.
  func post(_ structure: UnsafeMutablePointer<GstStructure>) {
    gst_element_post_message(gstElement, gst_message_new_element(gstObject, structure))
  }

  func post(_ report: ClipReport) {
    if let structure = report.structure() { post(structure) }
  }

  func post(
    _ error: ElementError, file: StaticString = #fileID, function: StaticString = #function,
    line: Int32 = #line
  ) {
    post(GST_MESSAGE_ERROR, error, file, function, line)
  }

  func warn(
    _ error: ElementError, file: StaticString = #fileID, function: StaticString = #function,
    line: Int32 = #line
  ) {
    post(GST_MESSAGE_WARNING, error, file, function, line)
  }

  private func post(
    _ type: GstMessageType, _ error: ElementError, _ file: StaticString, _ function: StaticString,
    _ line: Int32
  ) {
    file.withUTF8Buffer { file in
      function.withUTF8Buffer { function in
        // Static strings end in 0. The text is taken by the callee.
        gst_element_message_full(
          gstElement, type, error.domain, error.code, g_strdup(error.text), nil,
          UnsafeRawPointer(file.baseAddress!).assumingMemoryBound(to: CChar.self),
          UnsafeRawPointer(function.baseAddress!).assumingMemoryBound(to: CChar.self), line)
      }
    }
  }

  /// A line in GST_DEBUG's log, category `motiontransfer`. The text is made only when it is wanted.
  func log(
    _ level: GstDebugLevel, _ text: @autoclosure () -> String, file: StaticString = #fileID,
    function: StaticString = #function, line: Int32 = #line
  ) {
    guard gst_motion_transfer_logs(level) != 0 else { return }
    file.withUTF8Buffer { file in
      function.withUTF8Buffer { function in
        gst_motion_transfer_log(
          gstElement, level, UnsafeRawPointer(file.baseAddress!).assumingMemoryBound(to: CChar.self),
          UnsafeRawPointer(function.baseAddress!).assumingMemoryBound(to: CChar.self), line, text())
      }
    }
  }
}
