import CKernels

/// Scaled dot-product attention in token-major layout, heads side by side in the channels.
///
/// q, y: (N, L, C); k, v: (M, S, C); N is a multiple of M and batch n of q reads batch n / (N / M) of k and v, so that
/// the frames of a clip share one prompt. Scores exist only for a block of queries at a time.
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
  private var scale: Float { 1 / Float(width).squareRoot() }
  /// Queries per block: scores of about 256 KiB.
  private var block: Int { min(queryTokens, max(16, 65_536 / keyTokens)) }

  /// y = softmax(q kᵀ / sqrt(width)) v, per head.
  public func forward(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    let blocks = (queryTokens + block - 1) / block
    GEMM.forEach(queries * heads * blocks) { job in
      let (batch, rest) = job.quotientAndRemainder(dividingBy: heads * blocks)
      let (head, index) = rest.quotientAndRemainder(dividingBy: blocks)
      let first = index * block
      let rows = min(block, queryTokens - first)
      let start = (batch * queryTokens + first) * channels + head * width
      let keyStart = batch / (queries / keys) * keyTokens * channels + head * width
      withScratch(rows * keyTokens) { scores in
        probabilities(q + start, k + keyStart, first: first, rows: rows, scores)
        GEMM.serial(
          rows, width, keyTokens, GEMM.Operand(scores, stride: keyTokens),
          GEMM.Operand(v + keyStart, stride: channels), y + start, stride: channels)
      }
    }
  }

  /// Softmax of the scores of `rows` queries from `first` on.
  private func probabilities(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, first: Int, rows: Int,
    _ scores: UnsafeMutablePointer<Float>
  ) {
    GEMM.serial(
      rows, keyTokens, width, GEMM.Operand(q, stride: channels),
      GEMM.Operand(k, stride: channels, transposed: true), scores, stride: keyTokens)
    mtk_softmax(scores, scale, causal ? first : -1, rows, keyTokens)
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
    GEMM.forEach((alone ? queries : keys) * heads) { job in
      let (batch, head) = job.quotientAndRemainder(dividingBy: heads)
      let members = alone ? batch..<batch + 1 : batch * shared..<(batch + 1) * shared
      for member in members {
        for first in stride(from: 0, to: queryTokens, by: block) {
          blockPullback(q, k, v, dy, dq, dk, dv, batch: member, head: head, first: first)
        }
      }
    }
  }

  private func blockPullback(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ dy: UnsafePointer<Float>, _ dq: UnsafeMutablePointer<Float>?, _ dk: UnsafeMutablePointer<Float>?,
    _ dv: UnsafeMutablePointer<Float>?, batch: Int, head: Int, first: Int
  ) {
    let rows = min(block, queryTokens - first)
    let start = (batch * queryTokens + first) * channels + head * width
    let keyStart = batch / (queries / keys) * keyTokens * channels + head * width
    withScratch(2 * rows * keyTokens) { p in
      let dp = p + rows * keyTokens
      probabilities(q + start, k + keyStart, first: first, rows: rows, p)
      if let dv {
        GEMM.serial(
          keyTokens, width, rows, GEMM.Operand(p, stride: keyTokens, transposed: true),
          GEMM.Operand(dy + start, stride: channels), keep: 1, dv + keyStart, stride: channels)
      }
      guard dq != nil || dk != nil else { return }
      GEMM.serial(
        rows, keyTokens, width, GEMM.Operand(dy + start, stride: channels),
        GEMM.Operand(v + keyStart, stride: channels, transposed: true), dp, stride: keyTokens)
      mtk_softmax_pullback(p, dp, scale, rows, keyTokens)
      if let dq {
        GEMM.serial(
          rows, width, keyTokens, GEMM.Operand(dp, stride: keyTokens),
          GEMM.Operand(k + keyStart, stride: channels), dq + start, stride: channels)
      }
      if let dk {
        GEMM.serial(
          keyTokens, width, rows, GEMM.Operand(dp, stride: keyTokens, transposed: true),
          GEMM.Operand(q + start, stride: channels), keep: 1, dk + keyStart, stride: channels)
      }
    }
  }
}

/// Attention of every pixel over its own frames: thousands of sequences of 8 to 32 tokens, where a BLAS call costs more
/// than its arithmetic. All buffers (B, F, P, C).
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

  /// Calls `body` with the offset of frame 0 of each pixel and a scratch of four floats per frame.
  private func forEachPixel(_ body: (Int, UnsafeMutablePointer<Float>) -> Void) {
    let grain = max(1, 16_384 / (frames * channels))
    ThreadPool.shared.forRanges(clips * positions, grain: grain) { range in
      withScratch(4 * frames) { scratch in
        for index in range {
          let (clip, position) = index.quotientAndRemainder(dividingBy: positions)
          body((clip * frames * positions + position) * channels, scratch)
        }
      }
    }
  }

  /// y = softmax(q kᵀ / sqrt(width)) v over the frames of each pixel.
  public func forward(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    forEachPixel { at, scratch in
      mtk_temporal_attention(
        q + at, k + at, v + at, y + at, frames, positions * channels, heads, width, scratch)
    }
  }

  /// Gradients of q, k and v, overwritten.
  public func pullback(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>,
    _ dy: UnsafePointer<Float>, _ dq: UnsafeMutablePointer<Float>, _ dk: UnsafeMutablePointer<Float>,
    _ dv: UnsafeMutablePointer<Float>
  ) {
    forEachPixel { at, scratch in
      mtk_temporal_attention_pullback(
        q + at, k + at, v + at, dy + at, dq + at, dk + at, dv + at, frames, positions * channels, heads, width,
        scratch)
    }
  }
}
