import Checkpoints
import Diffusion
import Glibc

/// What the small files of a diffusers folder say about a model, before any weight is read.
struct ModelDescription: Sendable {
  let folder: DiffusersFolder
  let unet: UNet3DConfiguration
  let vae: AutoencoderKLConfiguration
  let text: CLIPTextConfiguration
  let scheduler: any Scheduler
  let schedulerConfiguration: Configuration
  let recommendations: Recommendations

  /// SHA-256 of the UNet's configuration and tensor table; see `modelIdentity`.
  let identity: String

  init(_ path: String) throws {
    folder = try DiffusersFolder(path)
    let unetFolder = try folder.component("unet")
    let json = try unetFolder.configuration()
    unet = try UNet3DConfiguration(try Self.expect("UNet3DConditionModel", json))
    vae = try AutoencoderKLConfiguration(
      try Self.expect("AutoencoderKL", try folder.component("vae").configuration()))
    text = try CLIPTextConfiguration(try folder.component("text_encoder").configuration())
    schedulerConfiguration = try folder.component("scheduler").configuration("scheduler_config.json")
    scheduler = try SchedulerName.scheduler(of: schedulerConfiguration)
    recommendations = try Self.recommendations(path)
    identity = modelIdentity(json, try unetFolder.checkpoint())
    try checkThatPartsFit()
  }

  /// The configuration, if it is of the class that this engine has.
  private static func expect(_ name: String, _ json: Configuration) throws -> Configuration {
    guard try json.string("_class_name", default: name) == name else {
      throw json.error("_class_name", expected: "\"\(name)\", the class that this engine has")
    }
    return json
  }

  private static func recommendations(_ path: String) throws -> Recommendations {
    let file = ComponentFolder(path).file("motion_transfer.json")
    do {
      return try Recommendations(try Configuration(contentsOf: file))
    } catch let error as CheckpointError where error.kind == .notFound {
      return Recommendations()
    }
  }

  private func checkThatPartsFit() throws(MotionTransferError) {
    guard unet.inChannels == vae.latentChannels, unet.outChannels == unet.inChannels else {
      throw MotionTransferError(
        .badData,
        "\(folder.path): the UNet has \(unet.inChannels) channels in and \(unet.outChannels) out, the autoencoder "
          + "\(vae.latentChannels) latent channels; expected the same number three times")
    }
    guard unet.crossAttentionChannels == text.hiddenSize else {
      throw MotionTransferError(
        .badData,
        "\(folder.path): the UNet expects text of width \(unet.crossAttentionChannels), the text encoder gives "
          + "\(text.hiddenSize)")
    }
  }

  /// The sampler that `name` asks for: the model's own where it is `auto`.
  ///
  /// - Throws: `settings` for an unknown name and for one that cannot sample this model
  func scheduler(_ name: String) throws(MotionTransferError) -> any Scheduler {
    if name == "auto" { return scheduler }
    guard let chosen = SchedulerName(named: name) else {
      let names = SchedulerName.allCases.map(\.rawValue).joined(separator: ", ")
      throw MotionTransferError(.settings, "scheduler: found \"\(name)\", expected auto, \(names)")
    }
    do {
      return try chosen.scheduler(schedulerConfiguration)
    } catch {
      throw MotionTransferError(.settings, "scheduler: \(name) does not suit this model: \(error)")
    }
  }

  /// Sizes of a clip after recommendations.
  func geometry(_ options: Options) throws(MotionTransferError) -> Geometry {
    let factor = vae.latentFactor
    let multiple = max(8, factor)
    let native = unet.sampleSize ?? [32, 32]  // height, width
    let width = options.width ?? recommendations.width ?? native[1] * factor
    let height = options.height ?? recommendations.height ?? native[0] * factor
    for (name, size) in [("width", width), ("height", height)] {
      guard size >= multiple, size <= 8192, size % multiple == 0 else {
        throw MotionTransferError(
          .settings, "\(name): found \(size), expected a multiple of \(multiple) from \(multiple) to 8192")
      }
    }
    let frames = try Settings.number("num-frames", options.numFrames ?? recommendations.numFrames, in: 1...256)
    let geometry = Geometry(numFrames: frames, width: width, height: height, multiple: multiple)
    try checkMemory(geometry)
    return geometry
  }

  /// Refuses sizes that this machine cannot hold, before anything is allocated: running out of memory would end the
  /// host process. A lower bound of what sampling takes, so that nothing is refused that could run.
  private func checkMemory(_ geometry: Geometry) throws(MotionTransferError) {
    let factor = vae.latentFactor
    let pixels = Double(geometry.width * geometry.height)
    let tokens = Double(geometry.numFrames) * pixels / Double(factor * factor)
    // About a dozen tensors of the UNet's first level, four of the decoder's last, and all decoded frames.
    let needed =
      max(tokens * Double(unet.blockOutChannels[0]) * 4 * 12, pixels * Double(vae.blockOutChannels[0]) * 16)
      + Double(geometry.numFrames) * pixels * 15
    let present = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    guard needed < present else {
      let (found, expected) = (Int(needed / 1e9) + 1, Int(present / 1e9))
      throw MotionTransferError(
        .settings,
        "num-frames, width and height: \(geometry.numFrames) frames of \(geometry.width)x\(geometry.height) take at least "
          + "\(found) GB, expected less than this machine's \(expected) GB; make the clip smaller or shorter")
    }
  }
}
