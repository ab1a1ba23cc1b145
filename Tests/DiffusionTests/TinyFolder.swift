import Checkpoints
import Layers
import Tensors

@testable import Diffusion

/// A whole diffusers folder of Tests/Goldens: its four models and its goldens.
struct TinyFolder {
  let unet: UNet3DConditionModel
  let autoencoder: AutoencoderKL
  let textEncoder: CLIPTextModel
  let scheduler: DDIMScheduler
  let name: String

  init(_ name: String) throws {
    self.name = name
    func load<Model>(_ part: String, _ file: String, _ make: (WeightScope, Configuration) throws -> Model)
      throws
      -> Model
    {
      let weights = Weights(try Golden("\(name)/\(part)/\(file)").source, name: part)
      let model = try make(weights.root, try Golden.configuration("\(name)/\(part)/config.json"))
      try weights.finish()
      return model
    }
    let file = "diffusion_pytorch_model.safetensors"
    unet = try load("unet", file) { try UNet3DConditionModel($0, UNetConfiguration($1)) }
    autoencoder = try load("vae", file) { try AutoencoderKL($0, AutoencoderKLConfiguration($1)) }
    textEncoder = try load("text_encoder", "model.safetensors") {
      try CLIPTextModel($0, CLIPTextConfiguration($1))
    }
    let json = try Golden.configuration("\(name)/scheduler/scheduler_config.json")
    scheduler = try DDIMScheduler(json)
  }

  func golden(_ file: String) throws -> Golden {
    try Golden("\(name)/golden/\(file).safetensors")
  }
}
