import Checkpoints
import Diffusion
import Glibc
import Layers

/// What the small files of a diffusers folder say about a model, before any weight is read.
struct ModelDescription: Sendable {
  let folder: DiffusersFolder
  let unet: UNetConfiguration
  /// What makes a picture model one of clips.
  let motionAdapter: MotionAdapter?
  let vae: AutoencoderKLConfiguration
  let text: CLIPTextConfiguration
  let scheduler: any Scheduler
  let schedulerConfiguration: Configuration
  let recommendations: Recommendations

  /// SHA-256 of the UNet's configuration and tensor table; see `modelIdentity`.
  let identity: String

  /// - Parameter motionAdapter: folder or file of AnimateDiff's motion modules, for a picture model; nil: the model folder's
  /// own, `motion_adapter`
  init(_ path: String, motionAdapter: String? = nil) throws {
    folder = try DiffusersFolder(path)
    let unetFolder = try folder.component("unet")
    let json = try unetFolder.configuration()
    let isOfPictures = json.values["_class_name"] == .string("UNet2DConditionModel")
    self.motionAdapter = try Self.adapter(motionAdapter, isOfPictures: isOfPictures, folder)
    unet = try UNetConfiguration(json, adapter: self.motionAdapter?.configuration)
    vae = try AutoencoderKLConfiguration(
      try Self.expect("AutoencoderKL", try folder.component("vae").configuration()))
    text = try CLIPTextConfiguration(try folder.component("text_encoder").configuration())
    let written = try folder.component("scheduler").configuration("scheduler_config.json")
    schedulerConfiguration = isOfPictures ? try Self.animateDiffScheduler(written) : written
    scheduler = try SchedulerName.scheduler(of: schedulerConfiguration)
    recommendations = try Self.recommendations(path, Recommendations(preset: unet))
    identity = Self.identity(json, try unetFolder.checkpoint(), self.motionAdapter)
    try checkThatPartsFit()
  }

  /// The configuration, if it is of the class that this engine has.
  private static func expect(_ name: String, _ json: Configuration) throws -> Configuration {
    guard try json.string("_class_name", default: name) == name else {
      throw json.error("_class_name", expected: "\"\(name)\", the class that this engine has")
    }
    return json
  }

  private static func adapter(
    _ path: String?, isOfPictures: Bool, _ folder: DiffusersFolder
  ) throws -> MotionAdapter? {
    let path = path.flatMap { $0.isEmpty ? nil : $0 }
    guard isOfPictures else {
      if path == nil { return nil }
      throw MotionTransferError(
        .settings, "motion-adapter: the model \(folder.path) is one of clips already; leave motion-adapter unset")
    }
    let own = ComponentFolder(ComponentFolder(folder.path).file("motion_adapter"))
    if path == nil, !own.exists {
      throw MotionTransferError(
        .settings,
        "motion-adapter: found none, but the model \(folder.path) is one of pictures; expected the folder or file "
          + "of an AnimateDiff motion adapter that makes it one of clips")
    }
    return try MotionAdapter(path ?? own.path)
  }

  /// The noise levels that AnimateDiff's modules were trained with: Stable Diffusion's betas, but evenly spaced.
  private static func animateDiffScheduler(_ written: Configuration) throws -> Configuration {
    let own: [String: JSON] = [
      "_class_name": .string(DDIMScheduler.className), "beta_schedule": .string(BetaSchedule.linear.rawValue),
      "clip_sample": .bool(false), "steps_offset": .integer(1),
    ]
    return try Configuration(.object(written.values.merging(own) { $1 }), file: written.file)
  }

  private static func identity(
    _ json: Configuration, _ checkpoint: any WeightSource, _ adapter: MotionAdapter?
  ) -> String {
    let unet = modelIdentity(json, checkpoint)
    guard let adapter else { return unet }
    let shapes = adapter.checkpoint.names.sorted().map { "\($0) \(adapter.checkpoint.shape(of: $0) ?? [])" }
    return sha256("\(unet)\n\(shapes.joined(separator: "\n"))".utf8)
  }

  private static func recommendations(_ path: String, _ preset: Recommendations) throws -> Recommendations {
    let file = ComponentFolder(path).file("motion_transfer.json")
    do {
      return try Recommendations(try Configuration(contentsOf: file), preset: preset)
    } catch let error as CheckpointError where error.kind == .notFound {
      return preset
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
    let frames = try Settings.number("num-frames", options.numFrames ?? recommendations.numFrames, in: 1...10_000)
    let atOnce = min(frames, max(options.contextLength ?? frames, 1))
    if let most = unet.motion?.maximumFrames, atOnce > most {
      throw MotionTransferError(
        .settings,
        "num-frames: found \(atOnce), expected at most \(most), which the motion adapter knows; set context-length for more"
      )
    }
    let geometry = Geometry(numFrames: frames, width: width, height: height, multiple: multiple)
    try checkMemory(geometry, atOnce: atOnce)
    try options.memory.budget.map { budget throws(MotionTransferError) in try checkWeights(within: budget) }
    return geometry
  }

  /// Refuses a budget that the weights alone exceed, before they are read.
  private func checkWeights(within budget: Int) throws(MotionTransferError) {
    let bytes = try MotionTransferError.sorting {
      try ["text_encoder", "unet", "vae"].reduce(0) { try $0 + folder.component($1).weightsSize() }
    }
    guard bytes < budget else {
      throw MotionTransferError(
        .noSpace,
        "memory-budget: found \(mebibytes(budget)), expected more than the \(mebibytes(bytes)) of the weights in "
          + "\(folder.path); use files of half precision, a smaller model, or a larger budget")
    }
  }

  /// Refuses sizes that this machine cannot hold, before anything is allocated: running out of memory would end the
  /// host process. A lower bound of what sampling takes, so that nothing is refused that could run.
  private func checkMemory(_ geometry: Geometry, atOnce frames: Int) throws(MotionTransferError) {
    let factor = vae.latentFactor
    let pixels = Double(geometry.width * geometry.height)
    let tokens = Double(frames) * pixels / Double(factor * factor)
    // About a dozen tensors of the UNet's first level, four of the decoder's last, and all frames.
    let needed =
      max(tokens * Double(unet.blockOutChannels[0]) * 4 * 12, pixels * Double(vae.blockOutChannels[0]) * 16)
      + Double(geometry.numFrames) * pixels * 3
    let present = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    guard needed < present else {
      let (found, expected) = (Int(needed / 1e9) + 1, Int(present / 1e9))
      throw MotionTransferError(
        .noSpace,
        "num-frames, width and height: \(geometry.numFrames) frames of \(geometry.width)x\(geometry.height) take at least "
          + "\(found) GB, expected less than this machine's \(expected) GB; make the clip smaller or shorter")
    }
  }
}
