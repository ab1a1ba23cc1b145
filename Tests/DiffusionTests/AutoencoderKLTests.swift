import Checkpoints
import Layers
import Tensors
import Testing

@testable import Diffusion

/// The autoencoder against diffusers, at odd sizes too.
@Suite struct AutoencoderKLTests {
  static let folders = ["vae-attention", "vae-no-attention", "vae-old-names"]

  private func trainable(_ folder: String) throws -> (AutoencoderKL, TrainableGolden) {
    let trainable = TrainableGolden(try Golden("\(folder)/diffusion_pytorch_model.safetensors").source)
    let configuration = try AutoencoderKLConfiguration(try Golden.configuration("\(folder)/config.json"))
    let model = try AutoencoderKL(trainable.weights.root, configuration)
    try trainable.weights.finish()
    return (model, trainable)
  }

  @Test(arguments: folders)
  func encodes(folder: String) throws {
    let (model, _) = try trainable(folder)
    let golden = try Golden("\(folder)/golden.safetensors")
    var cases = 0
    while golden.has("encode/\(cases)/image") {
      let place = "encode/\(cases)"
      let posterior = try model.encode(try golden.pictures("\(place)/image"))
      expectClose(posterior.mean, try golden.pictures("\(place)/mean"), 1e-4, "\(folder) \(cases) mean")
      expectClose(
        posterior.logVariance, try golden.pictures("\(place)/log_variance"), 1e-4,
        "\(folder) \(cases) variance")
      expectClose(
        posterior.sample(noise: try golden.pictures("\(place)/noise")),
        try golden.pictures("\(place)/sample"),
        1e-4, "\(folder) \(cases) sample")
      cases += 1
    }
    #expect(cases > 0)
  }

  @Test(arguments: folders)
  func decodes(folder: String) throws {
    let (model, _) = try trainable(folder)
    let golden = try Golden("\(folder)/golden.safetensors")
    var cases = 0
    while golden.has("decode/\(cases)/latents") {
      let pictures = try model.decode(try golden.pictures("decode/\(cases)/latents"))
      expectClose(pictures, try golden.pictures("decode/\(cases)/image"), 1e-4, "\(folder) \(cases)")
      cases += 1
    }
    #expect(cases > 0)
  }

  @Test func decodesInTiles() throws {
    let (model, _) = try trainable("vae-attention")
    let golden = try Golden("vae-attention/tiled.safetensors")
    let latents = try golden.pictures("latents")
    let pictures = try model.decode(latents, tiled: true)
    expectClose(pictures, try golden.pictures("image"), 1e-4)
    #expect(pictures.toArray() != (try model.decode(latents).toArray()))
    // What fits a tile is decoded whole.
    let small = latents.sliced(axis: 1, 0..<16).sliced(axis: 2, 0..<16)
    let whole = try model.decode(small).toArray()
    #expect(try model.decode(small, tiled: true).toArray() == whole)
  }

  @Test func encodesInTiles() throws {
    let (model, _) = try trainable("vae-attention")
    let golden = try Golden("vae-attention/tiled.safetensors")
    let picture = try golden.pictures("picture")
    let posterior = try model.encode(picture, tiled: true)
    expectClose(posterior.mean, try golden.pictures("mean"), 1e-4)
    expectClose(posterior.logVariance, try golden.pictures("log_variance"), 1e-4)
    #expect(posterior.mean.toArray() != (try model.encode(picture).mean.toArray()))
  }

  @Test(arguments: [false, true])
  func gradientsOfEveryParameter(recomputed: Bool) throws {
    let (model, trainable) = try trainable("vae-attention")
    let golden = try Golden("vae-attention/golden.safetensors")
    let context = Context(recomputesActivations: recomputed)
    let posterior = try model.encode(try golden.pictures("encode/0/image"), context)
    let pictures = try model.decode(try golden.pictures("decode/0/latents"), context)
    let loss =
      posterior.mean.meanSquaredError(try golden.pictures("gradients/target_mean"))
      + posterior.logVariance.meanSquaredError(try golden.pictures("gradients/target_log_variance"))
      + pictures.meanSquaredError(try golden.pictures("gradients/target_image"))
    expectClose(loss, try golden["gradients/loss"], 1e-4, "loss")
    try trainable.expectGradients(of: loss, try Golden("vae-attention/gradients.safetensors"), 1e-4)
  }

  /// What is done a few pictures at a time is what is done at once.
  @Test func portions() throws {
    let (model, _) = try trainable("vae-no-attention")
    var generator = TorchGenerator(seed: 3)
    let pictures = generator.randn([5, 96, 96, 3])
    let together = try model.encode(pictures).mean
    for i in 0..<5 {
      let alone = try model.encode(pictures.sliced(axis: 0, i..<i + 1)).mean
      expectClose(together.sliced(axis: 0, i..<i + 1), alone, 1e-6)
    }
  }

  @Test func clampsTheLogarithmOfTheVariance() {
    let moments = Tensor([1, 2, 0, 100, -100, 0], shape: [1, 1, 1, 6])
    let noise = Tensor.filled([1, 1, 1, 3], 1)
    let posterior = DiagonalGaussian(moments: moments)
    expectClose(posterior.sample(noise: noise), Tensor([1 + 22026.465, 2, 1], shape: [1, 1, 1, 3]), 1e-6)
  }
}
