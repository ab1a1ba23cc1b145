public import Layers

/// One component of a diffusers model: a folder with a configuration and weights, such as `unet` or a motion adapter.
public struct ComponentFolder: Sendable {
  /// The folder.
  public let path: String

  /// - Parameter path: the folder; it is looked into only when something is asked for.
  public init(_ path: String) { self.path = path }

  /// Whether the folder exists.
  public var exists: Bool { isFolder(path) }

  /// Path of a file inside.
  public func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

  /// Whether it holds this file.
  public func has(_ name: String) -> Bool { isFile(file(name)) }

  /// The text of a small file inside.
  /// - Throws: ``CheckpointError`` if it is absent, above 64 MB, or not UTF-8.
  public func text(_ name: String) throws -> String {
    guard let text = String(validating: try readSmallFile(file(name), limit: 1 << 26), as: UTF8.self) else {
      throw CheckpointError(.badData, "\(file(name)) is not UTF-8.")
    }
    return text
  }

  /// Reads `config.json`, or the name given: `scheduler_config.json`, `tokenizer_config.json`.
  public func configuration(_ name: String = "config.json") throws -> Configuration {
    let path = file(name)
    guard isFile(path) else {
      throw CheckpointError(
        .notFound,
        "\(path) does not exist. Expected a folder in diffusers' format, as save_pretrained writes it.")
    }
    return try Configuration(contentsOf: path)
  }

  /// Names of weight files, most wanted first: full precision before half, safetensors before pickles.
  public static let weightFiles: [String] = {
    var names: [String] = []
    for variant in ["", ".fp16"] {
      for stem in ["diffusion_pytorch_model", "model"] {
        names.append("\(stem)\(variant).safetensors")
        names.append("\(stem).safetensors.index\(variant).json")
      }
      for stem in ["diffusion_pytorch_model", "pytorch_model"] {
        names.append("\(stem)\(variant).bin")
        names.append("\(stem).bin.index\(variant).json")
      }
    }
    return names
  }()

  /// The path of the weights that `weights()` opens.
  /// - Throws: ``CheckpointError`` listing what was looked for.
  public func weightsPath() throws -> String {
    if let name = Self.weightFiles.first(where: { isFile(file($0)) }) { return file(name) }
    throw CheckpointError(
      .notFound, "\(path) holds no weights. Looked for \(Self.weightFiles.joined(separator: ", ")).")
  }

  /// Bytes of the files that `weights()` opens.
  /// - Throws: ``CheckpointError``.
  public func weightsSize() throws -> Int {
    let path = try weightsPath()
    guard path.hasSuffix(".json") else { return fileSize(path) }
    let shards = try JSON(contentsOf: path)["weight_map"]?.object?.values.compactMap(\.string) ?? []
    return Set(shards).reduce(0) { $0 + fileSize(file($1)) }
  }

  /// Opens the weights as they are: for a model's identity, or to wrap.
  /// - Throws: ``CheckpointError``.
  public func checkpoint() throws -> any WeightSource { try openCheckpoint(weightsPath()) }

  /// Opens the weights for construction of a model.
  /// - Parameter rename: shows stored keys under other names; see ``RenamedSource``.
  /// - Throws: ``CheckpointError``.
  public func weights(rename: ((String) -> String?)? = nil) throws -> Weights {
    let path = try weightsPath()
    let source = try openCheckpoint(path)
    return Weights(rename.map { RenamedSource(source, rename: $0) } ?? source, name: path)
  }
}

/// A model folder in diffusers' format: `model_index.json` and one folder per component.
public struct DiffusersFolder: Sendable {
  /// The folder.
  public let path: String
  /// `model_index.json`.
  public let index: Configuration

  /// Reads `model_index.json`.
  /// - Throws: ``CheckpointError`` saying what a model folder looks like if this is none.
  public init(_ path: String) throws {
    guard isFolder(path) else { throw Self.noFolder(path) }
    let file = ComponentFolder(path).file("model_index.json")
    guard isFile(file) else {
      if isFolder(ComponentFolder(path).file("snapshots")) {
        throw CheckpointError(
          .notFound, "\(path) is a Hugging Face cache. Expected a model folder in it: \(path)/snapshots/<revision>.")
      }
      throw CheckpointError(
        .notFound,
        "\(file) does not exist. Expected a model folder in diffusers' format: model_index.json, unet, vae, "
          + "text_encoder, tokenizer, scheduler.")
    }
    self.path = path
    self.index = try Configuration(contentsOf: file)
  }

  private static func noFolder(_ path: String) -> CheckpointError {
    let advice =
      if isFile(path) {
        " It is a single file; diffusers makes a folder of it: "
          + "StableDiffusionPipeline.from_single_file(file).save_pretrained(folder)."
      } else if !path.hasPrefix("/"), !path.hasPrefix("."), path.split(separator: "/").count == 2 {
        " Names of the Hugging Face hub are not fetched; download the model and give its folder."
      } else {
        ""
      }
    return CheckpointError(
      .notFound, "\(path) is not a folder. Expected a model folder in diffusers' format.\(advice)")
  }

  /// The class that `model_index.json` gives a component, for example `UNet3DConditionModel`; nil if it lists none.
  public func className(_ component: String) -> String? { index.values[component]?.array?.last?.string }

  /// A component's folder.
  /// - Throws: ``CheckpointError`` if there is no such folder.
  public func component(_ name: String) throws -> ComponentFolder {
    let folder = ComponentFolder(ComponentFolder(path).file(name))
    guard folder.exists else {
      throw CheckpointError(
        .notFound,
        "\(folder.path) does not exist; \(index.file) \(index.has(name) ? "lists it" : "does not list it").")
    }
    return folder
  }
}
