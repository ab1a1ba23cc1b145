import Checkpoints
import Glibc
import Layers
import Tensors

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

/// The weights of a model folder under one roof, for a warm start: `unet.`, `text_encoder.` and `vae.` before the names
/// of the three files. A part that is missing has no weights.
struct ModelFolderWeights: WeightSource {
  private let parts: [(prefix: String, source: SafeTensors)]

  /// - Throws: `CheckpointError` for a file that is no safetensors file; ``TrainingError`` where there is none at all.
  init(contentsOf path: String) throws {
    let files = [
      ("unet.", "unet/diffusion_pytorch_model"), ("text_encoder.", "text_encoder/model"),
      ("vae.", "vae/diffusion_pytorch_model"),
    ]
    parts = try files.compactMap { prefix, name in
      let file = "\(path)/\(name).safetensors"
      return access(file, R_OK) == 0 ? (prefix, try SafeTensors(contentsOf: file)) : nil
    }
    guard !parts.isEmpty else {
      throw TrainingError("\(path): no weights to start from; expected a model folder as export writes it")
    }
  }

  var names: [String] { parts.flatMap { part in part.source.names.map { part.prefix + $0 } } }

  func shape(of name: String) -> [Int]? { part(name).flatMap { $0.source.shape(of: $0.name) } }

  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    guard let (source, own) = part(name) else { preconditionFailure("\(name): asked for without looking") }
    return try source.tensor(own, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
  }

  private func part(_ name: String) -> (source: SafeTensors, name: String)? {
    parts.first { name.hasPrefix($0.prefix) }.map { ($0.source, String(name.dropFirst($0.prefix.count))) }
  }
}
