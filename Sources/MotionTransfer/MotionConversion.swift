import Checkpoints
import Diffusion
import Layers
import Tensors

// Embedding files of Motion Inversion's published code (`motion_embed.pt`), and embeddings for another size.
extension MotionEmbedding {
  /// Rows of every tensor in the published code's files, whatever the clip's length.
  private static let publishedFrames = 32

  /// Whether a path names a file of the published code's format.
  public static func isTorch(_ path: String) -> Bool { path.hasSuffix(".pt") || path.hasSuffix(".bin") }

  /// Writes the published codes' formats. Low-rank additions: MotionDirector's list of up, down, up, down without names, in
  /// the order of the model's modules. Embeddings: a dictionary of parameters, 32 rows each, those behind the clip's end zero. The
  /// inverted noise and the metadata have no place in it.
  func writeTorch(to path: String) throws {
    guard differences.isEmpty, text.isEmpty, blocks.isEmpty || lora.isEmpty else {
      throw MotionTransferError(
        .settings,
        "\(path): weight differences, additions to prompts and mixtures have no published format; name a file ending in "
          + ".safetensors")
    }
    if blocks.isEmpty {
      return try TorchCheckpointWriter.write(lora.flatMap { [scaledUp($0.pair), $0.pair.down] }, to: path)
    }
    let padded = tensors.filter { $0.name != Self.noiseKey }.map { name, tensor in
      let missing = Self.publishedFrames - tensor.shape[1]  // (S, F, C)
      guard missing > 0 else { return (name: name, tensor: tensor) }
      let rows = Tensor.zeros([tensor.shape[0], missing, tensor.shape[2]])
      return (name: name, tensor: Tensor.concatenated([tensor, rows], axis: 1))
    }
    try TorchCheckpointWriter.write(padded, to: path)
  }

  /// The embedding without the rows at the end that are zero everywhere: those that no clip has reached.
  func withoutEmptyFrames() -> MotionEmbedding {
    let lengths = Set(parameters.map { $0.shape[0] })
    guard let frames = lengths.first, lengths.count == 1 else { return self }
    let used = (1...frames).last { count in
      parameters.contains { $0.sliced(axis: 0, count - 1..<count).toArray().contains { $0 != 0 } }
    }
    guard let used, used < frames else { return self }
    var result = self
    result.blocks = blocks.mapValues { motion in
      TemporalMotion(
        queryKey: motion.queryKey?.sliced(axis: 0, 0..<used), value1: motion.value1?.sliced(axis: 0, 0..<used),
        value2: motion.value2?.sliced(axis: 0, 0..<used))
    }
    return result
  }

  /// The embedding with its grids noted, for a file that does not say at which size it was learned.
  ///
  /// - Parameters:
  ///   - folder: of the model that it was learned with; nil: the bundled model
  ///   - options: the width and height
  /// - Throws: `mismatch` where it does not fit the model at this size
  public func located(
    model folder: String?, motionAdapter: String? = nil, _ options: Options
  ) throws(MotionTransferError) -> MotionEmbedding {
    try MotionTransferError.sorting {
      let place = try Self.place(folder, motionAdapter, options)
      guard let frames = parameters.first?.shape[0] else { return self }
      try check(against: place.sites, frames: frames)
      var result = self
      for site in place.sites where blocks[site.path] != nil {
        result.metadata["grid.\(site.path)"] = "\(site.width)x\(site.height)"
      }
      result.metadata["frames"] = "\(frames)"
      result.metadata["width"] = "\(place.geometry.width)"
      result.metadata["height"] = "\(place.geometry.height)"
      return result
    }
  }

  /// The embedding for another size and number of frames of the same model.
  ///
  /// - Throws: `mismatch` where the file does not say its grids; see `located`
  public func resampled(
    model folder: String?, motionAdapter: String? = nil, _ options: Options
  ) throws(MotionTransferError) -> MotionEmbedding {
    try MotionTransferError.sorting {
      let place = try Self.place(folder, motionAdapter, options)
      var result = try resampled(to: place.sites, latents: place.latents)
      try result.check(against: place.sites, frames: place.latents.frames)
      result.metadata["frames"] = "\(place.geometry.numFrames)"
      result.metadata["width"] = "\(place.geometry.width)"
      result.metadata["height"] = "\(place.geometry.height)"
      return result
    }
  }

  /// Low-rank additions under the names of some tools; their scale goes into alpha, or into the up matrix.
  func lowRankTensors(_ naming: LowRankNaming) -> [(name: String, tensor: Tensor)] {
    lora.flatMap { path, pair in
      let names = naming.names(path)
      guard let alpha = names.alpha else { return [(names.down, pair.down), (names.up, scaledUp(pair))] }
      return [
        (names.down, pair.down), (names.up, pair.up),
        (alpha, Tensor([pair.scale * Float(pair.down.shape[0])], shape: [])),
      ]
    }
  }

  private func scaledUp(_ pair: LowRank) -> Tensor { pair.scale == 1 ? pair.up : pair.up * pair.scale }

  /// Writes low-rank additions with the keys of another tool.
  ///
  /// - Throws: `settings` where there are none
  public func write(to path: String, keys: LowRankNaming) throws(MotionTransferError) {
    guard !lora.isEmpty, blocks.isEmpty, differences.isEmpty, text.isEmpty else {
      throw MotionTransferError(
        .settings, "keys: found no low-rank additions alone, expected a file of motion-director or tap")
    }
    try MotionTransferError.sorting {
      try SafeTensorsWriter.write(lowRankTensors(keys), metadata: metadata, to: path)
    }
  }

  private static func place(_ folder: String?, _ motionAdapter: String?, _ options: Options) throws -> (
    geometry: Geometry, sites: [MotionSite], latents: (frames: Int, height: Int, width: Int)
  ) {
    let model = try ModelDescription(try DefaultModel.resolve(folder), motionAdapter: motionAdapter)
    let geometry = try model.geometry(options)
    let factor = model.vae.latentFactor
    let (height, width) = (geometry.height / factor, geometry.width / factor)
    return (
      geometry, model.unet.motionSites(latentHeight: height, latentWidth: width),
      (geometry.numFrames, height, width)
    )
  }
}
