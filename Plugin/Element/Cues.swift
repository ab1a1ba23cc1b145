// Subtitles as prompts: what the text pad received, in running time.
import CGStreamer
import Synchronization

/// The cues of the text pad. Filled by its streaming thread, asked by the video's.
///
/// A clip waits until the text is known up to its end, as textoverlay does: through a cue, a gap or the end of the text.
/// Sparse streams from a demuxer send gaps; a file that is read by `subparse` simply runs ahead.
final class Cues: @unchecked Sendable {
  private struct Cue {
    var start: GstClockTime
    /// nil: until the next cue.
    var end: GstClockTime?
    var text: String
  }
  /// Cues that may wait; a text source that runs further ahead of the video is held.
  private static let most = 256

  private let mutex = UnsafeMutablePointer<GMutex>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<GCond>.allocate(capacity: 1)
  // All below under the mutex.
  private var cues: [Cue] = []
  private var segment = GstSegment()
  private var isLinked = false
  private var isFlushing = false
  private var isMarkup = false
  /// The text is known before this running time.
  private var position: GstClockTime = 0
  /// The clip that waits for its text, in running time; empty where none does.
  private var awaited: (start: GstClockTime, end: GstClockTime) = (0, 0)

  init() {
    g_mutex_init(mutex)
    g_cond_init(changed)
    gst_segment_init(&segment, GST_FORMAT_TIME)
  }

  deinit {
    g_mutex_clear(mutex)
    g_cond_clear(changed)
    mutex.deallocate()
    changed.deallocate()
  }

  private func locked<R>(_ body: () -> R) -> R {
    g_mutex_lock(mutex)
    defer { g_mutex_unlock(mutex) }
    return body()
  }

  /// Lets everyone who waits look again: at a flush, a stop, or new text.
  func wake() { locked { g_cond_broadcast(changed) } }

  // MARK: The pad's life

  /// Whether text can come.
  func setLinked(_ linked: Bool) {
    locked {
      isLinked = linked
      forget()
    }
  }

  /// Before a start, and after a flush of the text.
  private func forget() {
    cues.removeAll()
    gst_segment_init(&segment, GST_FORMAT_TIME)
    position = 0
    g_cond_broadcast(changed)
  }

  func restart() {
    locked {
      isFlushing = false
      forget()
    }
  }

  /// The text ends here: whoever waits for more has waited enough.
  func stop() {
    locked {
      isFlushing = true
      g_cond_broadcast(changed)
    }
  }

  // MARK: Text in

  /// A cue; does not take `buffer`.
  func receive(_ buffer: UnsafeMutablePointer<GstBuffer>) -> GstFlowReturn {
    let none = GstClockTime(cgst_clock_time_none)
    let text = Self.text(of: buffer)
    return locked {
      // Not while a clip waits for what comes behind these cues: neither would ever go on.
      while isLinked, cues.count >= Self.most, position >= awaited.end, !isFlushing { g_cond_wait(changed, mutex) }
      if isFlushing { return GST_FLOW_FLUSHING }
      guard buffer.pointee.pts != none else { return GST_FLOW_OK }
      let start = running(buffer.pointee.pts)
      guard start != none else { return GST_FLOW_OK }
      let end = buffer.pointee.duration == none ? nil : running(buffer.pointee.pts &+ buffer.pointee.duration)
      if let last = cues.indices.last, cues[last].end == nil { cues[last].end = start }
      let plain = Self.plain(text, isMarkup: isMarkup)
      if !plain.isEmpty { cues.append(Cue(start: start, end: end == none ? nil : end, text: plain)) }
      advance(to: max(start, end.map { $0 == none ? start : $0 } ?? start))
      discard(before: awaited.start)
      return GST_FLOW_OK
    }
  }

  /// Any event of the text pad; does not take it. Nothing of it goes further: the video's own events do.
  func handle(_ event: UnsafeMutablePointer<GstEvent>) {
    locked {
      switch cgst_event_type(event) {
      case GST_EVENT_FLUSH_START: isFlushing = true
      case GST_EVENT_FLUSH_STOP:
        isFlushing = false
        forget()
      case GST_EVENT_STREAM_START: position = min(position, GstClockTime(cgst_clock_time_none) - 1)
      case GST_EVENT_CAPS:
        var caps: UnsafeMutablePointer<GstCaps>?
        gst_event_parse_caps(event, &caps)
        isMarkup = caps.map { describe($0).contains("pango-markup") } ?? false
      case GST_EVENT_SEGMENT:
        var new: UnsafePointer<GstSegment>?
        gst_event_parse_segment(event, &new)
        if let new, new.pointee.format == GST_FORMAT_TIME { segment = new.pointee }
      case GST_EVENT_GAP:
        var (start, duration) = (GstClockTime(0), GstClockTime(0))
        gst_event_parse_gap(event, &start, &duration)
        let none = GstClockTime(cgst_clock_time_none)
        let end = running(duration == none ? start : start &+ duration)
        if end != none { advance(to: end) }
      case GST_EVENT_EOS: advance(to: GstClockTime(cgst_clock_time_none))
      default: break
      }
      g_cond_broadcast(changed)
    }
  }

  private func running(_ time: GstClockTime) -> GstClockTime {
    gst_segment_to_running_time(&segment, GST_FORMAT_TIME, time)
  }

  private func advance(to time: GstClockTime) {
    position = max(position, time)
    g_cond_broadcast(changed)
  }

  // MARK: Prompts out

  /// The text of the cue that covers most of `start ..< end` (running time), the earlier of two; nil where none does.
  /// Waits for the text, until `isCancelled`.
  func prompt(from start: GstClockTime, to end: GstClockTime, isCancelled: () -> Bool) -> String? {
    locked {
      discard(before: start)
      awaited = (start, end)
      g_cond_broadcast(changed)
      while isLinked, position < end, !isFlushing, !isCancelled() { g_cond_wait(changed, mutex) }
      awaited = (0, 0)
      var best: (cover: GstClockTime, text: String)?
      for cue in cues {
        let (from, to) = (max(cue.start, start), min(cue.end ?? .max, end))
        if to > from, to - from > best?.cover ?? 0 { best = (to - from, cue.text) }
      }
      return best?.text
    }
  }

  /// Clips' times rise: cues that ended before one are done with.
  private func discard(before start: GstClockTime) { cues.removeAll { ($0.end ?? .max) <= start } }

  // MARK: Text

  private static func text(of buffer: UnsafeMutablePointer<GstBuffer>) -> String {
    // A prompt is a sentence: what is longer is cut.
    var bytes = [UInt8](repeating: 0, count: min(Int(gst_buffer_get_size(buffer)), 4096))
    gst_buffer_extract(buffer, 0, &bytes, UInt(bytes.count))
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// One line, without tags and entities.
  static func plain(_ text: String, isMarkup: Bool) -> String {
    var plain = text
    if isMarkup {
      var isInsideTag = false
      plain = String(
        text.filter { character in
          if character == "<" { isInsideTag = true }
          defer { if character == ">" { isInsideTag = false } }
          return !isInsideTag
        })
      for (entity, character) in [("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("#39", "'"), ("amp", "&")] {
        plain = plain.split(separator: "&\(entity);", omittingEmptySubsequences: false).joined(separator: character)
      }
    }
    return plain.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
