public import Layers
public import Tensors

/// The autoencoder between pixels and latents (Rombach et al. 2022; diffusers' `AutoencoderKL`).
///
/// Works on single frames. Latents are unscaled here: multiply what `encode` gives by
/// `configuration.scalingFactor` before diffusion, divide by it before `decode`.
public struct AutoencoderKL: Sendable {
  /// What was read from `vae/config.json`.
  public let configuration: AutoencoderKLConfiguration
  let encoder: AutoencoderEncoder
  let decoder: AutoencoderDecoder
  let quantConv: Conv2d?
  let postQuantConv: Conv2d?

  /// Reads the weights by diffusers' names.
  public init(_ weights: WeightScope, _ configuration: AutoencoderKLConfiguration) throws {
    self.configuration = configuration
    let latent = configuration.latentChannels
    encoder = try AutoencoderEncoder(weights["encoder"], configuration)
    decoder = try AutoencoderDecoder(weights["decoder"], configuration)
    quantConv =
      configuration.usesQuantConv
      ? try Conv2d(weights["quant_conv"], 2 * latent, 2 * latent, kernel: 1) : nil
    postQuantConv =
      configuration.usesPostQuantConv
      ? try Conv2d(weights["post_quant_conv"], latent, latent, kernel: 1) : nil
  }

  /// The distribution of latents for each picture, a few at a time to bound memory.
  ///
  /// - Parameters:
  ///   - pictures: (N, H, W, 3), values in -1 ... 1, H and W multiples of
  ///   `configuration.latentFactor`
  ///   - tiled: as for `decode`
  /// - Returns: mean and log-variance, each (N, h, w, latent channels)
  public func encode(
    _ pictures: Tensor, tiled: Bool = false, _ context: Context = Context()
  ) throws -> DiagonalGaussian {
    try check("pictures", pictures, configuration.inChannels)
    guard min(pictures.shape[1], pictures.shape[2]) >= configuration.latentFactor else {
      throw ModelInputError(
        "pictures", found: pictures.shape, expected: "at least \(configuration.latentFactor) pixels each way")
    }
    let tiles = Tiles(size: configuration.tileSize, codedSize: configuration.tileSize / configuration.latentFactor)
    // Tiles begin between latents of the smallest models, which are small enough as they are.
    if tiled, max(pictures.shape[1], pictures.shape[2]) > tiles.size, tiles.step % configuration.latentFactor == 0 {
      return DiagonalGaussian(moments: try tiles(pictures) { try moments($0, context) })
    }
    return DiagonalGaussian(moments: try moments(pictures, context))
  }

  private func moments(_ pictures: Tensor, _ context: Context) throws -> Tensor {
    try inPortions(pictures, pixels: pictures.shape[1] * pictures.shape[2]) {
      let h = try encoder($0, context)
      return quantConv?(h) ?? h
    }
  }

  /// Pictures from latents, a few at a time to bound memory.
  ///
  /// - Parameters:
  ///   - latents: (N, h, w, latent channels), divided by the scaling factor
  ///   - tiled: whether pictures above the tile's size are decoded in tiles that overlap: less memory, and slightly another
  ///     picture, for the tiles do not see each other
  /// - Returns: (N, H, W, 3), about -1 ... 1, not clamped
  public func decode(_ latents: Tensor, tiled: Bool = false, _ context: Context = Context()) throws -> Tensor {
    try check("latents", latents, configuration.latentChannels)
    let factor = configuration.latentFactor
    let tile = configuration.tileSize / factor
    if tiled, tile > 1, max(latents.shape[1], latents.shape[2]) > tile {
      return try Tiles(size: tile, codedSize: tile * factor)(latents) { try decode($0, context) }
    }
    return try inPortions(latents, pixels: latents.shape[1] * latents.shape[2] * factor * factor) {
      try decoder(postQuantConv?($0) ?? $0, context)
    }
  }

  private func check(_ what: String, _ x: Tensor, _ channels: Int) throws(ModelInputError) {
    guard x.rank == 4, x.shape[3] == channels, !x.shape.contains(0) else {
      throw ModelInputError(what, found: x.shape, expected: "(N, height, width, \(channels))")
    }
  }

  /// Frame by frame at the sizes of real models, several at once where pictures are small.
  private func inPortions(_ x: Tensor, pixels: Int, _ body: (Tensor) throws -> Tensor) throws -> Tensor {
    let portion = max(1, 128 * 128 / pixels)
    if x.shape[0] <= portion { return try body(x) }
    let parts = try stride(from: 0, to: x.shape[0], by: portion).map {
      try body(x.sliced(axis: 0, $0..<min($0 + portion, x.shape[0])))
    }
    return Tensor.concatenated(parts, axis: 0)
  }
}
