import Layers
import Tensors

/// A residual block on single frames (diffusers' `ResnetBlock2D`, pre-norm, default time embedding).
///
/// GroupNorm -> SiLU -> Conv 3x3 -> + time -> GroupNorm -> SiLU -> Conv 3x3 -> + x.
struct ResnetBlock2D: Sendable {
  let norm1: GroupNorm
  let conv1: Conv2d
  let timeProjection: Linear?
  let norm2: GroupNorm
  let conv2: Conv2d
  let shortcut: Conv2d?
  let outputScale: Float

  /// - Parameters:
  ///   - timeChannels: width of the time embedding; nil in an autoencoder
  ///   - outputScale: what the sum is divided by
  init(
    _ scope: WeightScope, _ inputs: Int, _ outputs: Int, timeChannels: Int? = nil, groups: Int,
    epsilon: Float, outputScale: Float = 1
  ) throws {
    norm1 = try GroupNorm(scope["norm1"], inputs, groups: groups, epsilon: epsilon)
    conv1 = try Conv2d(scope["conv1"], inputs, outputs)
    timeProjection = try timeChannels.map { try Linear(scope["time_emb_proj"], $0, outputs) }
    norm2 = try GroupNorm(scope["norm2"], outputs, groups: groups, epsilon: epsilon)
    conv2 = try Conv2d(scope["conv2"], outputs, outputs)
    shortcut = inputs == outputs ? nil : try Conv2d(scope["conv_shortcut"], inputs, outputs, kernel: 1)
    self.outputScale = outputScale
  }

  /// - Parameters:
  ///   - x: (..., H, W, I); statistics per frame, or per clip (B, F, H, W, I) where the adapters say so
  ///   - time: silu of the time embedding (B, E), B clips whose frames are adjacent in x
  /// - Returns: (..., H, W, O)
  func callAsFunction(_ x: Tensor, time: Tensor? = nil, _ context: Context) -> Tensor {
    let frames = x.reshaped([-1] + x.shape.suffix(3))
    let clips = x.rank == 5 && context.adapters.normalizesClips ? x.shape[0] : frames.shape[0]
    var h = conv1(norm1(frames, over: clips, silu: true))
    if let timeProjection, let time {
      let shift = timeProjection(time, context)
      let rows = h.reshaped([shift.shape[0], -1, shift.shape[1]])
      h = (rows + shift.reshaped([shift.shape[0], 1, shift.shape[1]])).reshaped(h.shape)
    }
    h = conv2(norm2(h, over: clips, silu: true))
    var sum = (shortcut?(frames) ?? frames) + h
    if outputScale != 1 { sum = sum * (1 / outputScale) }
    return sum.reshaped(x.shape.dropLast() + [sum.shape[3]])
  }
}
