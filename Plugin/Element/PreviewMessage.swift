// The element message `motiontransfer-preview`.
import CGStreamer
import Media
import MotionTransfer

extension ProgressReporter {
  /// Posts previews every `interval` steps; nil where none are wanted.
  func previews(every interval: UInt32, frameRate: FrameRate) -> PreviewRequest? {
    guard interval > 0 else { return nil }
    return PreviewRequest(interval: Int(interval)) { step, clip in
      guard let structure = Self.structure(clip, frameRate) else { return }
      self.finish(structure, step: step)
    }
  }

  /// All frames of the preview as a sample's buffer list, the middle one as its buffer.
  private static func structure(_ clip: Clip, _ frameRate: FrameRate) -> UnsafeMutablePointer<GstStructure>? {
    var info = GstVideoInfo()
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, UInt32(clip.width), UInt32(clip.height))
    info.fps_n = frameRate.numerator
    info.fps_d = frameRate.denominator
    guard let caps = gst_video_info_to_caps(&info), let list = gst_buffer_list_new_sized(guint(clip.frames)) else {
      return nil
    }
    defer {
      gst_caps_unref(caps)
      gst_buffer_list_unref(list)
    }
    for index in 0..<clip.frames {
      guard let buffer = FrameBuffer.make(clip, frame: index, info: &info) else { return nil }
      buffer.pointee.pts = frameRate.time(of: index)
      buffer.pointee.duration = frameRate.time(of: index + 1) &- buffer.pointee.pts
      gst_buffer_list_insert(list, -1, buffer)
    }
    guard let structure = gst_structure_new_empty("motiontransfer-preview"),
      let sample = gst_sample_new(gst_buffer_list_get(list, guint(clip.frames / 2)), caps, nil, nil)
    else { return nil }
    gst_sample_set_buffer_list(sample, list)
    cgst_structure_set_sample(structure, "sample", sample)
    gst_sample_unref(sample)
    return structure
  }
}
