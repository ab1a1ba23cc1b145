import Checkpoints
import Diffusion
import Layers
import Tensors

/// The parts of a text-to-video model and how they work together (diffusers' `TextToVideoSDPipeline`).
///
/// Latents here are (1, F, h, w, C); random draws are made in torch's order (1, C, F, h, w) and permuted.
struct TextToVideoPipeline: Sendable {
  let description: ModelDescription
  let tokenizer: CLIPTokenizer
  let textEncoder: CLIPTextModel
  let unet: any VideoUNet
  let vae: AutoencoderKL
  let scheduler: any Scheduler
  /// Bytes of all weights.
  let weightBytes: Int
  private let previews = LatentPreviewCache()

  /// Reads all weights; half-precision matrices stay mapped.
  init(_ description: ModelDescription, _ job: Job) throws {
    self.description = description
    let folder = description.folder
    let parts = 3
    try job.report(.load, 0, of: parts)
    var bytes = 0
    tokenizer = try CLIPTokenizer(folder: try folder.component("tokenizer").path)
    scheduler = description.scheduler
    textEncoder = try Self.load("text_encoder", folder, &bytes) { try CLIPTextModel($0, description.text) }
    try job.report(.load, 1, of: parts)
    unet = try Self.loadUNet(description, &bytes)
    try job.report(.load, 2, of: parts)
    vae = try Self.load("vae", folder, &bytes, rename: RenamedSource.currentAttentionName) {
      try AutoencoderKL($0, description.vae)
    }
    weightBytes = bytes
    try job.report(.load, 3, of: parts)
  }

  /// Constructs a part from its weights; keys that are missing, left over or misshapen are one error.
  private static func load<Part>(
    _ name: String, _ folder: DiffusersFolder, _ bytes: inout Int, rename: ((String) -> String?)? = nil,
    _ body: (WeightScope) throws -> Part
  ) throws -> Part {
    let weights = try folder.component(name).weights(rename: rename)
    let part = try body(weights.root)
    try weights.finish()
    bytes += weights.byteCount
    return part
  }

  private static func loadUNet(_ description: ModelDescription, _ bytes: inout Int) throws -> any VideoUNet {
    guard description.unet.motion != nil else {
      return try load("unet", description.folder, &bytes) { try UNet3DConditionModel($0, description.unet) }
    }
    // A picture model's weights and a motion adapter's, or one checkpoint that holds both.
    let motion = description.motionAdapter?.weights()
    let unet = try load("unet", description.folder, &bytes) {
      try UNetMotionModel($0, motion: motion?.root ?? $0, description.unet)
    }
    try motion?.finish()
    bytes += motion?.byteCount ?? 0
    return unet
  }

  /// A forward's context that polls the job.
  func context(_ job: Job, adapters: Adapters = .none, _ memory: MemoryOptions = MemoryOptions()) -> Context {
    Context(
      adapters: adapters, recomputesActivations: memory.gradientCheckpointing,
      feedForwardChunk: memory.feedForwardChunk,
      checkCancellation: { try job.check() })
  }

  /// Prompts to hidden states (M, L, D).
  func encode(_ prompts: [String], _ context: Context) throws -> Tensor {
    let tokens = prompts.map { tokenizer.encode($0, maxLength: description.text.maxPositions) }
    return try textEncoder(tokens, context)
  }

  /// Latent sizes of a clip.
  func latentShape(_ geometry: Geometry) -> (frames: Int, height: Int, width: Int, channels: Int) {
    let factor = description.vae.latentFactor
    return (
      geometry.numFrames, geometry.height / factor, geometry.width / factor, description.vae.latentChannels
    )
  }

  /// Standard normal latents (1, F, h, w, C), of a clip or of fewer frames, drawn as torch draws (1, C, F, h, w).
  func noise(_ geometry: Geometry, frames: Int? = nil, using generator: inout TorchGenerator) -> Tensor {
    let size = latentShape(geometry)
    return generator.randn([1, size.channels, frames ?? size.frames, size.height, size.width]).permuted([0, 2, 3, 4, 1])
  }

  /// The reference's latents (1, F, h, w, C): a posterior sample whose noise is drawn as (F, C, h, w), scaled.
  func encode(
    _ reference: Clip, tiled: Bool = false, using generator: inout TorchGenerator, _ job: Job
  ) throws -> Tensor {
    let factor = description.vae.latentFactor
    let noise = generator.randn([
      reference.frames, description.vae.latentChannels, reference.height / factor, reference.width / factor,
    ]).permuted([0, 2, 3, 1])
    // As many frames at once as count for little beside the encoder's own memory.
    let starts = Array(stride(from: 0, to: reference.frames, by: 16))
    var parts: [Tensor] = []
    for (index, start) in starts.enumerated() {
      try job.report(.encode, index, of: starts.count)
      let range = start..<min(start + 16, reference.frames)
      let posterior = try vae.encode(reference.normalized(range), tiled: tiled, context(job))
      parts.append(posterior.sample(noise: noise.sliced(axis: 0, range)) * description.vae.scalingFactor)
    }
    try job.report(.encode, starts.count, of: starts.count)
    return Tensor.concatenated(parts, axis: 0).reshaped([1] + noise.shape)
  }

  /// Latents to frames, one at a time.
  func decode(_ latents: Tensor, _ job: Job, tiled: Bool = false) throws -> Clip {
    let frames = latents.shape[1]
    let factor = description.vae.latentFactor
    let (height, width) = (latents.shape[2] * factor, latents.shape[3] * factor)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(frames * height * width * 3)
    for frame in 0..<frames {
      try job.report(.decode, frame, of: frames)
      let one = latents.sliced(axis: 1, frame..<frame + 1).reshaped([1] + latents.shape.suffix(3))
      let decoded = try vae.decode(one * (1 / description.vae.scalingFactor), tiled: tiled, context(job))
      pixels.append(contentsOf: Clip(decoded: decoded).pixels)
    }
    // Asked last: a cancelled job's tensors are worthless.
    try job.report(.decode, frames, of: frames)
    return Clip(frames: frames, height: height, width: width, pixels: pixels)
  }

  /// Denoises latents under guidance: ε = ε_u + g (ε_c - ε_u), prompts in the order negative, positive. The adapters act
  /// in the settings' range of steps.
  ///
  /// - Parameters:
  ///   - motion: an embedding's
  ///   - text: what is added to the prompt in these steps
  ///   - base: what changes the model in all steps
  ///   - generator: stochastic schedulers draw from it at each step
  func sample(
    _ start: Tensor, _ settings: Settings, adapters: Adapters, motion: DebiasedMotion? = nil, text: DualText? = nil,
    base: Adapters = .none, using generator: inout TorchGenerator, _ job: Job
  ) throws -> Tensor {
    var scheduler = settings.scheduler
    let timesteps = scheduler.timesteps
    let guided = settings.guidanceScale > 1
    let prompts = guided ? [settings.negativePrompt, settings.prompt] : [settings.prompt]
    let windows = settings.windows
    let contexts = [base, base.merging(adapters)].map { context(job, adapters: $0, settings.memory) }
    let hidden = try encode(prompts, contexts[0])
    let reachesText = textEncoder.linears.contains { adapters.lora[$0.path] != nil || adapters.weights[$0.path] != nil }
    var adapted = reachesText ? try encode(prompts, contexts[1]) : hidden
    if let text { adapted = try text.condition(adapted, settings.prompt, contexts[1]) }
    let texts = [unet.prepare(hidden, contexts[0]), unet.prepare(adapted, contexts[1])]
    // One window's motion is made once.
    let whole = windows.ranges.count == 1 ? motion?.rows(windows.ranges[0]) : nil
    let rows = motion.map { motion in { (range: Range<Int>) in whole ?? motion.rows(range) } }
    var latents = scheduler.initialNoiseScale == 1 ? start : start * scheduler.initialNoiseScale
    try job.report(.sample, 0, of: timesteps.count)
    for (index, timestep) in timesteps.enumerated() {
      let scaled = scheduler.modelInput(latents, at: index)
      let input = guided ? Tensor.concatenated([scaled, scaled], axis: 0) : scaled
      let which = settings.adapts(step: index, of: timesteps.count) ? 1 : 0
      let output = try predict(
        input, timestep: timestep, text: texts[which], windows, motion: which == 1 ? rows : nil, contexts[which])
      let prediction = guided ? guide(output, settings) : output
      if let request = job.preview, (index + 1) % request.interval == 0 || index + 1 == timesteps.count {
        let clean = scheduler.noiseSchedule.original(scaled, prediction, timestep: timestep)
        request.show(index + 1, try latentPreview().clip(clean))
      }
      latents = scheduler.step(prediction, at: index, sample: latents) {
        stepNoise(like: latents, using: &generator)
      }
      try job.report(.sample, index + 1, of: timesteps.count)
    }
    return latents
  }

  /// The latents' colours, for previews: one map for all jobs, whatever each computes with.
  func latentPreview() throws -> LatentPreview {
    try previews.preview {
      try computing(with: .float32, .winograd2) {
        try LatentPreview(
          fitting: vae, scale: description.vae.scalingFactor, factor: description.vae.latentFactor)
      }
    }
  }

  /// Fresh noise for one step. diffusers' `TextToVideoSDPipeline` hands its schedulers frames, (F, C, h, w);
  /// `AnimateDiffPipeline` clips, (1, C, F, h, w).
  private func stepNoise(like latents: Tensor, using generator: inout TorchGenerator) -> Tensor {
    let shape = latents.shape  // (1, F, h, w, C)
    if description.unet.motion != nil {
      return generator.randn([1, shape[4], shape[1], shape[2], shape[3]]).permuted([0, 2, 3, 4, 1])
    }
    let noise = generator.randn([shape[1], shape[4], shape[2], shape[3]])
    return noise.permuted([0, 2, 3, 1]).reshaped(shape)
  }

  private func guide(_ output: Tensor, _ settings: Settings) -> Tensor {
    let unconditional = output.sliced(axis: 0, 0..<1)
    let conditional = output.sliced(axis: 0, 1..<2)
    let guided = unconditional + settings.guidanceScale * (conditional - unconditional)
    guard settings.guidanceRescale > 0 else { return guided }
    // Lin et al. 2023, section 3.4; diffusers' rescale_noise_cfg
    let ratio = deviation(conditional) / deviation(guided)
    return guided * (settings.guidanceRescale * ratio + (1 - settings.guidanceRescale))
  }

  /// The standard deviation of all elements, with Bessel's correction as torch computes it.
  private func deviation(_ x: Tensor) -> Float {
    x.withUnsafeBufferPointer { values in
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
      let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return Float((squares / Double(max(values.count - 1, 1))).squareRoot())
    }
  }
}
