import Checkpoints
import Diffusion
import Glibc
import Tensors

/// What a file or folder holds, in lines for a reader.
public enum Inspection {
  /// Describes an embedding file or a model folder; nil: the bundled model.
  ///
  /// - Throws: `notFound`, `unreadable`, `badData`
  public static func describe(_ path: String?, motionAdapter: String? = nil) throws(MotionTransferError) -> [String] {
    try MotionTransferError.sorting {
      if let path, !isFolder(path) { return try embedding(path) }
      return try model(try DefaultModel.resolve(path), motionAdapter)
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func embedding(_ path: String) throws -> [String] {
    let embedding = try MotionEmbedding(contentsOf: path)
    let tensors = embedding.tensors
    let numbers = tensors.reduce(0) { $0 + $1.tensor.count }
    let parts = [
      (embedding.blocks.count, "blocks of an embedding"), (embedding.lora.count, "low-rank additions"),
      (embedding.differences.count, "weight differences"),
    ]
    let held = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    var lines = ["motion: \(held), \(numbers) numbers"]
    lines += embedding.metadata.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    lines += tensors.map { "\($0.name) \($0.tensor.shape)" }
    return lines
  }

  private static func model(_ path: String, _ motionAdapter: String?) throws -> [String] {
    let model = try ModelDescription(path, motionAdapter: motionAdapter)
    let geometry = try model.geometry(Options())
    let factor = model.vae.latentFactor
    let sites = model.unet.motionSites(
      latentHeight: geometry.height / factor, latentWidth: geometry.width / factor)
    var lines = [
      "model folder: \(path)",
      "model-identity: \(model.identity)",
      "unet: \(unetClass(model.unet)), channels \(model.unet.blockOutChannels), text width "
        + "\(model.unet.crossAttentionChannels)",
      "vae: AutoencoderKL, factor \(factor), latent channels \(model.vae.latentChannels)",
      "text_encoder: CLIPTextModel, \(model.text.layers) layers of width \(model.text.hiddenSize)",
      "scheduler: \(type(of: model.scheduler)), \(model.scheduler.configuration.predictionType.rawValue), "
        + "\(model.scheduler.configuration.timestepSpacing.rawValue)",
      "machine: \(Machine.description)",
      "native clip: \(geometry.numFrames) frames of \(geometry.width)x\(geometry.height)",
    ]
    lines += recommendations(model.recommendations)
    lines += sites.map { "site: \($0.path), \($0.channels) channels, \($0.width)x\($0.height)" }
    return lines
  }

  private static func unetClass(_ unet: UNetConfiguration) -> String {
    guard let motion = unet.motion else { return "UNet3DConditionModel" }
    return "UNetMotionModel, at most \(motion.maximumFrames) frames"
  }

  private static func recommendations(_ recommended: Recommendations) -> [String] {
    [
      "debias-mode: \(recommended.debiasMode.rawValue)", "first-frame: \(recommended.firstFrame.rawValue)",
      "motion-scale: \(recommended.motionScale)", "apply-from: \(recommended.applyFrom)",
      "apply-until: \(recommended.applyUntil)", "embedding-design: \(recommended.embeddingDesign.rawValue)",
      "loss: \(recommended.loss.rawValue)", "timestep-sampling: \(recommended.timestepSampling.rawValue)",
      "noise-initialization: \(recommended.noiseInitialization.rawValue)",
      "sites: \(recommended.sites)", "inversion-steps: \(recommended.inversionSteps)",
      "ddim-inversion-steps: \(recommended.ddimInversionSteps)", "learning-rate: \(recommended.learningRate)",
      "num-inference-steps: \(recommended.numInferenceSteps)", "guidance-scale: \(recommended.guidanceScale)",
      "guidance-rescale: \(recommended.guidanceRescale)", "noise-prior: \(recommended.noisePrior)",
      "words: \(recommended.words.map { $0.sorted().joined(separator: " ") } ?? "any")",
    ]
  }
}
