import Checkpoints
import Diffusion
import Layers
import Tensors

/// Learning a motion embedding from one clip (Motion Inversion, section 3.3).
extension TextToVideoPipeline {
  /// The embedding of `reference`, by AdamW on the loss that was chosen (the paper's is eq. 4), everything else frozen.
  ///
  /// Random draws: the posterior noise of the latents, then per step a time step, the noise and, where the loss has one,
  /// the anchor frame.
  ///
  /// - Parameter checkpoint: where the state is kept, see ``LearningCheckpoint``
  func learn(
    _ reference: Clip, _ settings: Settings, checkpoint options: Options = Options(), _ job: Job
  ) throws -> MotionEmbedding {
    let size = latentShape(settings.geometry)
    let sites = try MotionSites.select(
      settings.sites,
      from: description.unet.motionSites(latentHeight: size.height, latentWidth: size.width))
    var generator = TorchGenerator(seed: settings.seed)
    let latents = try encode(reference, using: &generator, job)
    var embedding = MotionEmbedding(zeroAt: sites, frames: size.frames, design: settings.embeddingDesign)
    var checkpoint = options.learningCheckpoint.map { path in
      LearningCheckpoint(
        path: path, interval: .seconds(options.checkpointSeconds), belongsTo: metadata(settings, sites, reference))
    }
    let resumed = try checkpoint?.restore(embedding.parameters)
    let inverted =
      settings.ddimInversionSteps > 0
      ? try resumed?.inversionNoise ?? invert(latents, steps: settings.ddimInversionSteps, job) : nil
    let plain = context(job)
    let prompt = try encode([settings.referencePrompt], plain)
    let text = unet.prepare(prompt, plain)

    let context = context(job, adapters: Adapters(motion: embedding.blocks), settings.memory)
    var optimizer = AdamW(learningRate: settings.learningRate)
    var loss: Float = 0
    resumed?.apply(to: embedding.parameters, &optimizer, &generator, &loss)
    let first = min(resumed?.step ?? 0, settings.inversionSteps)
    try job.report(.learn, first, of: settings.inversionSteps)
    for step in first..<settings.inversionSteps {
      let t = settings.timestepSampling.draw(below: scheduler.configuration.trainTimesteps, using: &generator)
      let noise = noise(settings.geometry, using: &generator)
      let noisy = scheduler.addNoise(latents, noise, timesteps: [t])
      let target = scheduler.target(latents, noise, timesteps: [t])
      let anchor = settings.loss.drawsAnchor ? generator.randint(below: size.frames) : 0
      let error = settings.loss(try unet(noisy, timesteps: [t], text: text, context), target, anchor: anchor)
      optimizer.step(
        embedding.parameters,
        try gradients(of: error, for: embedding.parameters, checkCancellation: { try job.check() }))
      loss = error.item
      try checkpoint?.save(
        LearningCheckpoint.State(
          step: step + 1, loss: loss, generator: generator, parameters: embedding.parameters,
          moments: optimizer.moments, inversionNoise: inverted))
      try job.report(.learn, step + 1, of: settings.inversionSteps, loss: loss)
    }
    embedding = embedding.detached()
    embedding.inversionNoise = inverted
    embedding.metadata = metadata(settings, sites, reference)
    embedding.metadata["final-loss"] = "\(loss)"
    return embedding
  }

  /// The noise that DDIM run backwards leads to: empty prompt, no guidance, no embedding. (C, F, h, w)
  private func invert(_ latents: Tensor, steps: Int, _ job: Job) throws -> Tensor {
    let inverse = DDIMInverseScheduler(scheduler.noiseSchedule)
    let context = context(job)
    let text = unet.prepare(try encode([""], context), context)
    let timesteps = try inverse.timesteps(steps)
    var current = latents
    var previous: Int?
    try job.report(.invert, 0, of: timesteps.count)
    for (index, timestep) in timesteps.enumerated() {
      let prediction = try unet(current, timesteps: [timestep], text: text, context)
      current = inverse.step(prediction, timestep: timestep, previous: previous, sample: current)
      previous = timestep
      try job.report(.invert, index + 1, of: timesteps.count)
    }
    let shape = current.shape
    return current.permuted([0, 4, 1, 2, 3]).reshaped([shape[4], shape[1], shape[2], shape[3]])
  }

  private func metadata(
    _ settings: Settings, _ sites: [MotionSite], _ reference: Clip
  ) -> [String: String] {
    var metadata = [
      "motiontransfer.version": "1",
      "frames": "\(settings.geometry.numFrames)",
      "width": "\(settings.geometry.width)",
      "height": "\(settings.geometry.height)",
      "model-identity": description.identity,
      "inversion-steps": "\(settings.inversionSteps)",
      "ddim-inversion-steps": "\(settings.ddimInversionSteps)",
      "learning-rate": "\(settings.learningRate)",
      "loss": settings.loss.rawValue,
      "embedding-design": settings.embeddingDesign.rawValue,
      "timestep-sampling": settings.timestepSampling.rawValue,
      "reference-prompt": settings.referencePrompt,
      "reference-hash": sha256(reference.pixels),
      "seed": "\(settings.seed)",
    ]
    if let frameRate = settings.frameRate { metadata["frame-rate"] = "\(frameRate)" }
    for site in sites { metadata["grid.\(site.path)"] = "\(site.width)x\(site.height)" }
    return metadata
  }
}

extension MotionEmbedding {
  /// The learned values without their gradient nodes.
  fileprivate func detached() -> MotionEmbedding {
    let blocks = blocks.mapValues {
      TemporalMotion(
        queryKey: $0.queryKey?.detached(), value1: $0.value1?.detached(), value2: $0.value2?.detached())
    }
    return MotionEmbedding(blocks: blocks, inversionNoise: inversionNoise, metadata: metadata)
  }
}
