import Checkpoints
import Tensors

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Writes a model folder in diffusers' layout.
struct ModelFolder {
  let recipe: Recipe
  /// Words that the model knows.
  let words: [String]

  typealias Tensors = [(name: String, tensor: Tensor)]

  /// - Parameters:
  ///   - path: made when missing; files in it are replaced one by one.
  ///   - unet, textEncoder, autoencoder: tensors in checkpoint order and shape, written as float16.
  func write(to path: String, unet: Tensors, textEncoder: Tensors, autoencoder: Tensors) throws {
    let tokenizer = TokenizerFiles(words: words, maximumLength: recipe.promptLength)
    for folder in ["", "/scheduler", "/tokenizer", "/text_encoder", "/unet", "/vae"] {
      guard mkdir(path + folder, 0o777) == 0 || errno == EEXIST else {
        throw TrainingError("\(path)\(folder): the folder cannot be made (error \(errno))")
      }
    }
    try text(Recipe.modelIndex, "\(path)/model_index.json")
    try text(recipe.recommendations(words: words), "\(path)/motion_transfer.json")
    try text(Recipe.schedulerConfiguration, "\(path)/scheduler/scheduler_config.json")
    for (name, contents) in tokenizer.files() { try text(contents, "\(path)/tokenizer/\(name)") }
    try text(recipe.textConfiguration(tokenizer), "\(path)/text_encoder/config.json")
    try text(recipe.unetConfiguration, "\(path)/unet/config.json")
    try text(recipe.autoencoderConfiguration, "\(path)/vae/config.json")
    let metadata = ["format": "pt"]
    try SafeTensorsWriter.write(
      textEncoder, metadata: metadata, dtype: .float16, to: "\(path)/text_encoder/model.safetensors")
    try SafeTensorsWriter.write(
      unet, metadata: metadata, dtype: .float16, to: "\(path)/unet/diffusion_pytorch_model.safetensors")
    try SafeTensorsWriter.write(
      autoencoder, metadata: metadata, dtype: .float16, to: "\(path)/vae/diffusion_pytorch_model.safetensors")
  }

  private func text(_ contents: String, _ path: String) throws {
    try AtomicFile.write(to: path) { append in
      try Array(contents.utf8).withUnsafeBytes { try append($0) }
    }
  }
}
