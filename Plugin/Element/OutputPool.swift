// Where outgoing frames get their memory: downstream's pool where it has one, else one of our own.
import CGStreamer
import Media
import Synchronization

/// The buffer pool of the src pad. Filled under the stream lock; stopped from any thread.
final class OutputPool: @unchecked Sendable {
  /// A counted reference.
  private struct Pool: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<GstBufferPool>
  }
  private struct State {
    var pool: Pool?
    var isStopped = false
  }
  private let state = Mutex(State())

  deinit { replace(with: nil) }

  /// Asks downstream (ALLOCATION query) and makes the pool for `caps`. False when no pool works.
  func negotiate(_ pad: UnsafeMutablePointer<GstPad>, _ caps: UnsafeMutablePointer<GstCaps>, size: Int) -> Bool {
    replace(with: nil)
    guard let query = gst_query_new_allocation(caps, 1) else { return false }
    defer { gst_query_unref(query) }
    // A peer that does not answer leaves the query empty.
    gst_pad_peer_query(pad, query)
    var offered: UnsafeMutablePointer<GstBufferPool>?
    var (bytes, least, most) = (guint(clamping: size), guint(0), guint(0))
    if gst_query_get_n_allocation_pools(query) > 0 {
      gst_query_parse_nth_allocation_pool(query, 0, &offered, &bytes, &least, &most)
      bytes = max(bytes, guint(clamping: size))
    }
    if let offered {
      if configure(offered, query, caps, bytes, least, most) { return replace(with: offered) }
      gst_object_unref(offered)
    }
    guard let own = gst_video_buffer_pool_new() else { return false }
    if configure(own, query, caps, bytes, least, 0) { return replace(with: own) }
    gst_object_unref(own)
    return false
  }

  private func configure(
    _ pool: UnsafeMutablePointer<GstBufferPool>, _ query: UnsafeMutablePointer<GstQuery>,
    _ caps: UnsafeMutablePointer<GstCaps>, _ bytes: guint, _ least: guint, _ most: guint
  ) -> Bool {
    guard let config = gst_buffer_pool_get_config(pool) else { return false }
    gst_buffer_pool_config_set_params(config, caps, bytes, least, most)
    if gst_query_get_n_allocation_params(query) > 0 {
      var allocator: UnsafeMutablePointer<GstAllocator>?
      var parameters = GstAllocationParams()
      gst_query_parse_nth_allocation_param(query, 0, &allocator, &parameters)
      gst_buffer_pool_config_set_allocator(config, allocator, &parameters)
      if let allocator { gst_object_unref(allocator) }
    }
    // Strides other than the usual ones need downstream's consent.
    if gst_query_find_allocation_meta(query, cgst_video_meta_api(), nil) != 0 {
      gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META)
    }
    return gst_buffer_pool_set_config(pool, config) != 0 && gst_buffer_pool_set_active(pool, 1) != 0
  }

  /// Takes `pool`.
  @discardableResult
  private func replace(with new: UnsafeMutablePointer<GstBufferPool>?) -> Bool {
    let new = new.map { Pool(pointer: $0) }
    let old = state.withLock { state in
      defer { state.pool = new }
      if state.isStopped, let new { gst_buffer_pool_set_flushing(new.pointer, 1) }
      return state.pool
    }
    if let old {
      gst_buffer_pool_set_active(old.pointer, 0)
      gst_object_unref(old.pointer)
    }
    return true
  }

  /// While stopped, nobody waits for a buffer: a pool whose buffers downstream all holds would block for ever.
  func setStopped(_ isStopped: Bool) {
    state.withLock { state in
      state.isStopped = isStopped
      if let pool = state.pool { gst_buffer_pool_set_flushing(pool.pointer, isStopped ? 1 : 0) }
    }
  }

  /// A buffer with these packed rows of RGB; may wait for one to come back.
  func frame(_ pixels: ArraySlice<UInt8>, _ info: UnsafePointer<GstVideoInfo>) throws(Interruption)
    -> UnsafeMutablePointer<GstBuffer>
  {
    let pool = state.withLock { state in
      if let pool = state.pool { gst_object_ref(pool.pointer) }
      return state.pool
    }
    guard let pool else { throw .flow(GST_FLOW_NOT_NEGOTIATED) }
    defer { gst_object_unref(pool.pointer) }
    var buffer: UnsafeMutablePointer<GstBuffer>?
    let flow = gst_buffer_pool_acquire_buffer(pool.pointer, &buffer, nil)
    guard flow == GST_FLOW_OK, let buffer else { throw .flow(flow) }
    guard FrameBuffer.fill(buffer, pixels, info: info) else {
      gst_buffer_unref(buffer)
      throw .failed(.resource(GST_RESOURCE_ERROR_WRITE, "a frame from downstream's pool cannot be written"))
    }
    return buffer
  }
}
