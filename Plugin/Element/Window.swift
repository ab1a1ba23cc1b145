// The frames of one clip while they come in.
import CGStreamer
import Media

/// A reference to a buffer or an event that is held for later.
final class Held: @unchecked Sendable {
  private let object: UnsafeMutablePointer<GstMiniObject>

  /// Takes `event`.
  init(_ event: UnsafeMutablePointer<GstEvent>) {
    object = UnsafeMutableRawPointer(event).assumingMemoryBound(to: GstMiniObject.self)
  }

  /// Takes `buffer`.
  init(_ buffer: UnsafeMutablePointer<GstBuffer>) {
    object = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: GstMiniObject.self)
  }

  deinit { gst_mini_object_unref(object) }

  var buffer: UnsafeMutablePointer<GstBuffer> {
    UnsafeMutableRawPointer(object).assumingMemoryBound(to: GstBuffer.self)
  }

  var event: UnsafeMutablePointer<GstEvent> {
    UnsafeMutableRawPointer(object).assumingMemoryBound(to: GstEvent.self)
  }

  /// A new reference, for a callee that takes it.
  func newEvent() -> UnsafeMutablePointer<GstEvent> {
    gst_mini_object_ref(object)
    return event
  }
}

struct Window: Sendable {
  /// What is kept of a frame besides its pixels.
  struct Frame: Sendable {
    var pts: GstClockTime
    /// nil: until the next frame, or as the frame rate says.
    var duration: GstClockTime?
    var isDiscontinuous: Bool
    /// A buffer without memory that carries what describes the moment and not the pixels: time codes, captions.
    var metas: Held?
  }

  private(set) var frames: [Frame] = []
  /// Packed RGB, (count, H, W, 3), while the plan needs it; else empty.
  var pixels: [UInt8] = []
  /// Serialized events that came inside the clip, each before frame `index`.
  private(set) var events: [(index: Int, event: Held)] = []

  var count: Int { frames.count }
  /// PTS of the first frame.
  var start: GstClockTime { frames.first?.pts ?? 0 }
  /// Where the last frame ends.
  func end(frameDuration: GstClockTime) -> GstClockTime {
    frames.last.map { $0.pts &+ ($0.duration ?? frameDuration) } ?? 0
  }

  mutating func add(_ frame: Frame) {
    if let last = frames.last, last.duration == nil, frame.pts > last.pts {
      frames[frames.count - 1].duration = frame.pts - last.pts
    }
    frames.append(frame)
  }

  /// Frame `index` of the clip that the window became; after the last one that came in, at the frame rate.
  func frame(_ index: Int, _ rate: FrameRate) -> Frame {
    if index < frames.count { return frames[index] }
    let past = rate.time(of: index - max(frames.count - 1, 0))
    return Frame(pts: (frames.last?.pts ?? 0) &+ past, duration: nil, isDiscontinuous: false, metas: nil)
  }

  mutating func hold(_ event: Held) { events.append((frames.count, event)) }

  /// Repeats the last frame until there are `frames`.
  mutating func pad(to frames: Int, frameSize: Int) {
    guard pixels.count >= frameSize else { return }
    let last = Array(pixels.suffix(frameSize))
    while pixels.count < frames * frameSize { pixels.append(contentsOf: last) }
  }

  mutating func clear() {
    frames.removeAll(keepingCapacity: true)
    pixels.removeAll(keepingCapacity: true)
    events.removeAll()
  }
}
