// One frame of a clip as a GStreamer buffer.
public import CGStreamer
public import MotionTransfer

/// Makes buffers from clips.
public enum FrameBuffer {
  /// A new buffer with frame `index` of `clip`, rows padded to the stride that `info` says.
  ///
  /// - Returns: nil when there is no memory for it.
  public static func make(
    _ clip: Clip, frame index: Int, info: UnsafePointer<GstVideoInfo>
  ) -> UnsafeMutablePointer<GstBuffer>? {
    let row = clip.width * 3
    let frame = row * clip.height
    guard index < clip.frames, clip.pixels.count >= (index + 1) * frame else { return nil }
    let pixels = clip.pixels[index * frame..<(index + 1) * frame]
    return make(pixels, row: row, info: info)
  }

  /// A new buffer with the packed rows `pixels`, each of `row` bytes.
  ///
  /// - Returns: nil when there is no memory for it.
  public static func make(
    _ pixels: ArraySlice<UInt8>, row: Int, info: UnsafePointer<GstVideoInfo>
  ) -> UnsafeMutablePointer<GstBuffer>? {
    guard let buffer = gst_buffer_new_allocate(nil, info.pointee.size, nil) else { return nil }
    let stride = Int(cgst_video_info_stride(info))
    pixels.withUnsafeBufferPointer { all in
      guard let base = all.baseAddress else { return }
      if stride == row {
        gst_buffer_fill(buffer, 0, base, UInt(all.count))
      } else {
        for line in 0..<all.count / row {
          gst_buffer_fill(buffer, UInt(line * stride), base + line * row, UInt(row))
        }
      }
    }
    return buffer
  }
}
