/// What trades time, or a little exactness, for memory; everything off unless asked for.
///
/// Frames are decoded one at a time in any case (diffusers' `enable_vae_slicing`).
public struct MemoryOptions: Sendable, Equatable {
  /// Whether frames larger than the autoencoder's training size are coded in overlapping tiles: slightly other frames
  /// (diffusers' `enable_vae_tiling`).
  public var vaeTiling = false
  /// Most tokens that a feed-forward layer holds at a time, in place of all; the same result (diffusers'
  /// `enable_forward_chunking`).
  public var feedForwardChunk: Int?
  /// Whether learning keeps only each block's input and computes the block again for its gradient: about a third more
  /// time; the same result (diffusers' `enable_gradient_checkpointing`).
  public var gradientCheckpointing = false

  /// Everything off.
  public init() {}
}
