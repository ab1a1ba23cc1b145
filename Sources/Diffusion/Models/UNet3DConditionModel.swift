public import Layers
public import Tensors

/// The text-to-video UNet of ModelScope and ZeroScope (diffusers' `UNet3DConditionModel`).
///
/// conv_in -> transformer_in over time -> down blocks -> mid block -> up blocks -> norm, SiLU, conv_out.
/// Activations are (B, F, H, W, C) throughout: frames of a clip are adjacent, so that layers on frames read
/// (B·F, H, W, C) and layers over time (B, F, H·W, C) of the same memory.
public struct UNet3DConditionModel: Sendable {
  /// What was read from `unet/config.json`.
  public let configuration: UNet3DConfiguration
  let convIn: Conv2d
  let timeEmbedding: TimestepEmbedding
  let transformerIn: TransformerTemporalModel
  let downBlocks: [DownBlock3D]
  let midBlock: MidBlock3D
  let upBlocks: [UpBlock3D]
  let normOut: GroupNorm
  let convOut: Conv2d

  /// Reads the weights by diffusers' names; a training run passes parameters instead.
  public init(_ weights: WeightScope, _ configuration: UNet3DConfiguration) throws {
    self.configuration = configuration
    let channels = configuration.blockOutChannels
    let last = channels.count - 1
    convIn = try Conv2d(weights["conv_in"], configuration.inChannels, channels[0])
    timeEmbedding = try TimestepEmbedding(
      weights["time_embedding"], width: channels[0], channels: configuration.timeChannels)
    transformerIn = try TransformerTemporalModel(
      weights["transformer_in"], channels[0], heads: 8, headWidth: configuration.attentionHeadWidth,
      groups: configuration.normGroups)
    downBlocks = try channels.indices.map { i in
      try DownBlock3D(
        weights["down_blocks"][i], channels[max(i - 1, 0)], channels[i],
        attention: configuration.downAttention[i], downsamples: i < last, configuration)
    }
    midBlock = try MidBlock3D(weights["mid_block"], channels[last], configuration)
    let reversed = Array(channels.reversed())
    upBlocks = try reversed.indices.map { i in
      try UpBlock3D(
        weights["up_blocks"][i], reversed[max(i - 1, 0)], reversed[i], skip: reversed[min(i + 1, last)],
        attention: configuration.upAttention[i], upsamples: i < last, configuration)
    }
    normOut = try GroupNorm(
      weights["conv_norm_out"], channels[0], groups: configuration.normGroups,
      epsilon: configuration.normEpsilon)
    convOut = try Conv2d(weights["conv_out"], channels[0], configuration.outChannels)
  }

  /// Predicts noise, velocity or sample, as the model was trained.
  ///
  /// - Parameters:
  ///   - sample: noisy latents (B, F, h, w, C)
  ///   - timesteps: one per clip, or one for all
  ///   - text: M prompts, B a multiple of M: clips n·B/M ..< (n + 1)·B/M read prompt n
  /// - Returns: (B, F, h, w, C')
  /// - Throws: what the context's cancellation check throws; `ModelInputError` for shapes that do not fit the
  /// model
  public func callAsFunction(
    _ sample: Tensor, timesteps: [Float], text: TextContext, _ context: Context = Context()
  ) throws -> Tensor {
    try check(sample, timesteps, text)
    let batch = sample.shape[0]
    let steps = timesteps.count == batch ? timesteps : Array(repeating: timesteps[0], count: batch)
    let conditions = UNet3DConditions(time: timeEmbedding(steps, context).silu(), text: text)
    var h = try context.block(convIn(sample)) { transformerIn($0, context) }
    var skips = [h]
    for block in downBlocks { h = try block(h, &skips, conditions, context) }
    h = try midBlock(h, conditions, context)
    for block in upBlocks { h = try block(h, &skips, conditions, context) }
    let frames = h.reshaped([-1] + h.shape.suffix(3))
    let output = convOut(normOut(frames, silu: true))
    return output.reshaped(sample.shape.dropLast() + [configuration.outChannels])
  }

  /// The same at whole training steps.
  public func callAsFunction(
    _ sample: Tensor, timesteps: [Int], text: TextContext, _ context: Context = Context()
  ) throws -> Tensor {
    try self(sample, timesteps: timesteps.map(Float.init), text: text, context)
  }

  /// Encoded prompts with the keys and values of every cross-attention of this model, for many denoising
  /// steps.
  ///
  /// - Parameters:
  ///   - hiddenStates: (M, S, D)
  ///   - context: with the adapters of the forwards that follow
  public func prepare(_ hiddenStates: Tensor, _ context: Context = Context()) -> TextContext {
    let down = downBlocks.flatMap(\.layers).map(\.attention)
    let up = upBlocks.flatMap(\.layers).map(\.attention)
    let pairs = down + [midBlock.attention] + up
    return TextContext(hiddenStates, for: pairs.compactMap { $0?.spatial.block.textAttention }, context)
  }

  private func check(_ sample: Tensor, _ timesteps: [Float], _ text: TextContext) throws(ModelInputError) {
    let shape = sample.shape
    guard shape.count == 5, shape[4] == configuration.inChannels, !shape.contains(0) else {
      throw ModelInputError("latents", found: shape, expected: "(B, F, h, w, \(configuration.inChannels))")
    }
    guard configuration.levelSizes(shape[2], shape[3]).allSatisfy({ min($0.height, $0.width) > 0 }) else {
      throw ModelInputError(
        "latents", found: shape,
        expected: "a size that can be halved \(configuration.blockOutChannels.count - 1) times")
    }
    guard timesteps.count == 1 || timesteps.count == shape[0] else {
      throw ModelInputError(
        "number of time steps", found: [timesteps.count], expected: "1, or one per clip: \(shape[0])")
    }
    let prompt = text.hiddenStates.shape
    guard prompt.count == 3, prompt[0] > 0, shape[0] % prompt[0] == 0,
      prompt[2] == configuration.crossAttentionChannels
    else {
      throw ModelInputError(
        "encoded prompt", found: prompt,
        expected: "(M, S, \(configuration.crossAttentionChannels)), M a divisor of \(shape[0]); does the "
          + "text encoder belong to this UNet?")
    }
  }
}
