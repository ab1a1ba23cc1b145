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
    let frame = clip.width * 3 * clip.height
    guard index < clip.frames, clip.pixels.count >= (index + 1) * frame,
      let buffer = gst_buffer_new_allocate(nil, info.pointee.size, nil)
    else { return nil }
    if fill(buffer, clip.pixels[index * frame..<(index + 1) * frame], info: info) { return buffer }
    gst_buffer_unref(buffer)
    return nil
  }

  /// Writes packed rows of RGB into a buffer, at the strides that the buffer has.
  ///
  /// - Parameters:
  ///   - pixels: height · width · 3 bytes of the size that `info` says
  ///   - info: RGB
  /// - Returns: false when the buffer cannot be written or is too small.
  public static func fill(
    _ buffer: UnsafeMutablePointer<GstBuffer>, _ pixels: ArraySlice<UInt8>, info: UnsafePointer<GstVideoInfo>
  ) -> Bool {
    var info = info.pointee
    var frame = GstVideoFrame()
    guard gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE) != 0 else { return false }
    defer { gst_video_frame_unmap(&frame) }
    let row = Int(info.width) * 3
    guard pixels.count == row * Int(info.height), let target = frame.data.0 else { return false }
    let stride = Int(cgst_video_frame_stride(&frame))
    pixels.withUnsafeBytes { source in
      guard let source = source.baseAddress else { return }
      for line in 0..<Int(info.height) { memcpy(target + line * stride, source + line * row, row) }
    }
    return true
  }
}
