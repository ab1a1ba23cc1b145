import CKernels

/// Scaled dot-product attention in token-major layout, heads side by side in the channels.
///
/// q, y: (N, L, C); k, v: (M, S, C); N is a multiple of M and batch n of q reads batch n / (N / M) of k and v, so that
/// the frames of a clip share one prompt. Scores exist only for a few queries and a block of keys at a time.
public struct AttentionShape {
  let queries, queryTokens, keys, keyTokens, heads, width: Int
  let causal: Bool

  /// Describes an attention: N, L, M, S, heads, channels per head; `causal` needs L == S.
  public init(
    queries: Int, queryTokens: Int, keys: Int, keyTokens: Int, heads: Int, width: Int, causal: Bool
  ) {
    self.queries = queries
    self.queryTokens = queryTokens
    self.keys = keys
    self.keyTokens = keyTokens
    self.heads = heads
    self.width = width
    self.causal = causal
  }

  private var channels: Int { heads * width }
  /// Queries of one job: enough to pay for packing the keys.
  private var block: Int { min(queryTokens, 512) }

  private func head(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, _ rows: Range<Int>
  ) -> mtk_attention {
    mtk_attention(
      q: q, k: k, v: v, queries: rows.count, keys: keyTokens, query_stride: channels, key_stride: channels,
      width: width, causal: causal ? rows.lowerBound : -1)
  }

  /// y = softmax(q kᵀ / sqrt(width)) v, per head.
  public func forward(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let blocks = (queryTokens + block - 1) / block
    let scratch = mtk_attention_scratch(block, keyTokens, width)
    ThreadPool.shared.forEach(queries * heads * blocks, scratch: scratch) { job, scratch in
      let (batch, rest) = job.quotientAndRemainder(dividingBy: heads * blocks)
      let (head, index) = rest.quotientAndRemainder(dividingBy: blocks)
      let rows = index * block..<min(queryTokens, (index + 1) * block)
      let start = (batch * queryTokens + rows.lowerBound) * channels + head * width
      let keyStart = batch / (queries / keys) * keyTokens * channels + head * width
      var attention = self.head(q + start, k + keyStart, v + keyStart, rows)
      mtk_attention_forward(&attention, y + start, scratch)
    }
  }

  /// Gradients of q, k and v, overwritten; nil where nobody asks. Probabilities are recomputed, never kept.
  public func pullback(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ dy: UnsafePointer<Float>, _ dq: UnsafeMutablePointer<Float>?, _ dk: UnsafeMutablePointer<Float>?,
    _ dv: UnsafeMutablePointer<Float>?
  ) {
    dk?.update(repeating: 0, count: keys * keyTokens * channels)
    dv?.update(repeating: 0, count: keys * keyTokens * channels)
    let shared = queries / keys
    // Without gradients of keys and values every query batch is its own job.
    let alone = dk == nil && dv == nil
    let scratch = mtk_attention_scratch(queryTokens, keyTokens, width)
    ThreadPool.shared.forEach((alone ? queries : keys) * heads, scratch: scratch) { job, scratch in
      let (batch, head) = job.quotientAndRemainder(dividingBy: heads)
      let members = alone ? batch..<batch + 1 : batch * shared..<(batch + 1) * shared
      for member in members {
        let start = member * queryTokens * channels + head * width
        let keyStart = member / shared * keyTokens * channels + head * width
        var attention = self.head(q + start, k + keyStart, v + keyStart, 0..<queryTokens)
        mtk_attention_pullback(
          &attention, dy + start, dq.map { $0 + start }, dk.map { $0 + keyStart }, dv.map { $0 + keyStart },
          scratch)
      }
    }
  }
}

/// Attention of every pixel over its own frames: thousands of sequences of 8 to 32 tokens that lie P·C apart. All buffers
/// (B, F, P, C).
public struct TemporalAttentionShape {
  let clips, frames, positions, heads, width: Int

  /// Describes a temporal attention: B, F, P, heads, channels per head.
  public init(clips: Int, frames: Int, positions: Int, heads: Int, width: Int) {
    self.clips = clips
    self.frames = frames
    self.positions = positions
    self.heads = heads
    self.width = width
  }

  private var channels: Int { heads * width }

  /// Calls `body` with one head of one pixel, the offset of its frame 0 and scratch memory.
  private func forEachHead(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ body: (UnsafePointer<mtk_attention>, Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    let grain = max(1, 16_384 / (frames * channels))
    let stride = positions * channels
    ThreadPool.shared.forRanges(clips * positions, grain: grain) { range in
      withScratch(mtk_attention_scratch(frames, frames, width)) { scratch in
        for index in range {
          let (clip, position) = index.quotientAndRemainder(dividingBy: positions)
          for head in 0..<heads {
            let at = (clip * frames * positions + position) * channels + head * width
            var attention = mtk_attention(
              q: q + at, k: k + at, v: v + at, queries: frames, keys: frames, query_stride: stride,
              key_stride: stride, width: width, causal: -1)
            body(&attention, at, scratch)
          }
        }
      }
    }
  }

  /// y = softmax(q kᵀ / sqrt(width)) v over the frames of each pixel.
  public func forward(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    forEachHead(q, k, v) { attention, at, scratch in mtk_attention_forward(attention, y + at, scratch) }
  }

  /// Gradients of q, k and v, overwritten.
  public func pullback(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ dy: UnsafePointer<Float>, _ dq: UnsafeMutablePointer<Float>, _ dk: UnsafeMutablePointer<Float>,
    _ dv: UnsafeMutablePointer<Float>
  ) {
    let count = clips * frames * positions * channels
    Elementwise.clear(dk, count: count)
    Elementwise.clear(dv, count: count)
    forEachHead(q, k, v) { attention, at, scratch in
      mtk_attention_pullback(attention, dy + at, dq + at, dk + at, dv + at, scratch)
    }
  }
}
