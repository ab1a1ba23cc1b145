public import Layers
public import Tensors

/// A UNet that denoises clips.
public protocol VideoUNet: Sendable {
  /// All layers.
  var blocks: UNetBlocks { get }
}

extension VideoUNet {
  /// What was read from `unet/config.json`.
  public var configuration: UNetConfiguration { blocks.configuration }

  /// Predicts noise, velocity or sample, as the model was trained.
  ///
  /// - Parameters:
  ///   - sample: noisy latents (B, F, h, w, C)
  ///   - timesteps: one per clip, or one for all; training steps, or between two
  ///   - text: M prompts, B a multiple of M: clips n·B/M ..< (n + 1)·B/M read prompt n
  /// - Returns: (B, F, h, w, C')
  /// - Throws: what the context's cancellation check throws; `ModelInputError` for shapes that do not fit the model
  public func callAsFunction(
    _ sample: Tensor, timesteps: [Float], text: TextContext, _ context: Context = Context()
  ) throws -> Tensor {
    try blocks(sample, timesteps: timesteps, text: text, context)
  }

  /// The same at whole training steps.
  public func callAsFunction(
    _ sample: Tensor, timesteps: [Int], text: TextContext, _ context: Context = Context()
  ) throws -> Tensor {
    try blocks(sample, timesteps: timesteps.map(Float.init), text: text, context)
  }

  /// Encoded prompts with the keys and values of every cross-attention of this model, for many denoising steps.
  ///
  /// - Parameters:
  ///   - hiddenStates: (M, S, D)
  ///   - context: with the adapters of the forwards that follow
  public func prepare(_ hiddenStates: Tensor, _ context: Context = Context()) -> TextContext {
    blocks.prepare(hiddenStates, context)
  }
}
