import Layers
import Tensors

/// What the UNets of clips have in common: conv_in -> down blocks -> mid block -> up blocks -> norm, SiLU, conv_out.
///
/// Activations are (B, F, H, W, C) throughout: frames of a clip are adjacent, so that layers on frames read
/// (B·F, H, W, C) and layers over time (B, F, H·W, C) of the same memory.
public struct UNetBlocks: Sendable {
  let configuration: UNetConfiguration
  let convIn: Conv2d
  let timeEmbedding: TimestepEmbedding
  /// Over time, behind `conv_in`: ModelScope's only.
  let transformerIn: TransformerTemporalModel?
  let downBlocks: [UNetDownBlock]
  let midBlock: [UNetLayer]
  let upBlocks: [UNetUpBlock]
  let normOut: GroupNorm
  let convOut: Conv2d

  init(_ scope: UNetScope, _ configuration: UNetConfiguration) throws {
    self.configuration = configuration
    let channels = configuration.blockOutChannels
    let last = channels.count - 1
    let weights = scope.weights
    convIn = try Conv2d(weights["conv_in"], configuration.inChannels, channels[0])
    timeEmbedding = try TimestepEmbedding(
      weights["time_embedding"], width: channels[0], channels: configuration.timeChannels)
    transformerIn =
      configuration.motion == nil
      ? try TransformerTemporalModel(
        weights["transformer_in"], channels[0], heads: 8, headWidth: configuration.headWidths[0],
        groups: configuration.normGroups) : nil
    downBlocks = try channels.indices.map { i in
      try UNetDownBlock(
        scope["down_blocks"][i], channels[max(i - 1, 0)], level: i, downsamples: i < last, configuration)
    }
    midBlock = try UNetLayer.midBlock(scope["mid_block"], configuration)
    upBlocks = try channels.indices.map { i in
      let level = last - i
      return try UNetUpBlock(
        scope["up_blocks"][i], channels[min(level + 1, last)], level: level, skip: channels[max(level - 1, 0)],
        upsamples: i < last, configuration)
    }
    normOut = try GroupNorm(
      weights["conv_norm_out"], channels[0], groups: configuration.normGroups,
      epsilon: configuration.normEpsilon)
    convOut = try Conv2d(weights["conv_out"], channels[0], configuration.outChannels)
  }

  func callAsFunction(
    _ sample: Tensor, timesteps: [Float], text: TextContext, _ context: Context
  ) throws -> Tensor {
    try check(sample, timesteps, text)
    let batch = sample.shape[0]
    let steps = timesteps.count == batch ? timesteps : Array(repeating: timesteps[0], count: batch)
    let conditions = UNetConditions(time: timeEmbedding(steps, context).silu(), text: text)
    var h = try context.block(convIn(sample)) {
      context.isStill ? $0 : transformerIn?($0, context) ?? $0
    }
    var skips = [h]
    for block in downBlocks { h = try block(h, &skips, conditions, context) }
    for layer in midBlock { h = try layer(h, conditions, context) }
    for block in upBlocks { h = try block(h, &skips, conditions, context) }
    let frames = h.reshaped([-1] + h.shape.suffix(3))
    let clips = context.adapters.normalizesClips ? h.shape[0] : frames.shape[0]
    let output = convOut(normOut(frames, over: clips, silu: true))
    return output.reshaped(sample.shape.dropLast() + [configuration.outChannels])
  }

  func prepare(_ hiddenStates: Tensor, _ context: Context) -> TextContext {
    let layers = downBlocks.flatMap(\.layers) + midBlock + upBlocks.flatMap(\.layers)
    return TextContext(hiddenStates, for: layers.compactMap { $0.spatial?.block.textAttention }, context)
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
    if let most = configuration.motion?.maximumFrames, shape[1] > most {
      throw ModelInputError("frames", found: [shape[1]], expected: "at most \(most), which the motion adapter knows")
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
