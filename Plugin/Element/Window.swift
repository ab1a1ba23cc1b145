// The frames of one clip while they come in.
import CGStreamer

struct Window {
  /// Frames so far.
  private(set) var count = 0
  /// Packed RGB, (count, H, W, 3), while the plan needs it; else empty.
  var pixels: [UInt8] = []
  /// PTS of the first frame.
  private(set) var start: GstClockTime = 0

  mutating func add(at pts: GstClockTime) {
    if count == 0 { start = pts }
    count += 1
  }

  /// Repeats the last frame until there are `frames`.
  mutating func pad(to frames: Int, frameSize: Int) {
    guard pixels.count >= frameSize else { return }
    let last = Array(pixels.suffix(frameSize))
    while pixels.count < frames * frameSize { pixels.append(contentsOf: last) }
  }

  mutating func clear() {
    count = 0
    pixels.removeAll(keepingCapacity: true)
  }
}
