import Checkpoints
import Diffusion
import Layers
import Tensors

/// One computation to be timed; its result in torch's order, for comparison.
typealias Work = () throws -> Tensor

func prepare(_ options: Options) throws -> Work {
  switch options.name {
  case "unet": return try unetForward(options)
  case "inversion": return try unetStep(options, trainsWeights: false)
  case "training": return try unetStep(options, trainsWeights: true)
  case "vae": return try decode(options)
  case "text": return try encodeText(options)
  default: return try operation(options)
  }
}

private func load<Part>(_ options: Options, _ name: String, _ body: (WeightScope) throws -> Part) throws -> Part {
  let folder = try DiffusersFolder(try options.required("model")).component(name)
  let weights = try folder.weights(rename: name == "vae" ? RenamedSource.currentAttentionName : nil)
  let part = try body(weights.root)
  try weights.finish()
  return part
}

private func configuration(_ options: Options, _ name: String) throws -> Configuration {
  try DiffusersFolder(try options.required("model")).component(name).configuration()
}

/// Inputs of a UNet, drawn as torch_worker.py draws them.
private struct Inputs {
  let latents, noise, text: Tensor

  init(_ options: Options, _ configuration: UNetConfiguration) {
    let batch = options.number("batch", default: 1)
    let shape = [
      batch, configuration.inChannels, options.number("frames", default: 8), options.number("height", default: 32),
      options.number("width", default: 32),
    ]
    var generator = TorchGenerator(seed: 1)
    latents = generator.randn(shape).permuted([0, 2, 3, 4, 1])
    noise = generator.randn(shape).permuted([0, 2, 3, 4, 1])
    text = generator.randn([batch, 77, configuration.crossAttentionChannels])
  }
}

private func torchOrder(_ x: Tensor) -> Tensor { x.permuted([0, 4, 1, 2, 3]) }

private func unetForward(_ options: Options) throws -> Work {
  let configuration = try UNetConfiguration(try configuration(options, "unet"))
  let unet = try load(options, "unet") { try UNet3DConditionModel($0, configuration) }
  let inputs = Inputs(options, configuration)
  // Once per prompt, as in sampling: every step uses the same keys and values.
  let text = unet.prepare(inputs.text)
  return { torchOrder(try unet(inputs.latents, timesteps: [500], text: text)) }
}

/// Forward and backward: of a motion embedding with everything else frozen, or of all weights.
private func unetStep(_ options: Options, trainsWeights: Bool) throws -> Work {
  let configuration = try UNetConfiguration(try configuration(options, "unet"))
  let source = try DiffusersFolder(try options.required("model")).component("unet").checkpoint()
  let store = ParameterStore(source)
  let weights = Weights(trainsWeights ? store : source, name: "unet")
  let unet = try UNet3DConditionModel(weights.root, configuration)
  try weights.finish()
  let inputs = Inputs(options, configuration)
  var adapters = Adapters.none
  var parameters = store.parameters.map(\.tensor)
  if !trainsWeights {
    let (frames, height, width) = (inputs.latents.shape[1], inputs.latents.shape[2], inputs.latents.shape[3])
    for site in configuration.motionSites(latentHeight: height, latentWidth: width) {
      let value = [frames, site.height * site.width, site.channels]
      let motion = TemporalMotion(
        queryKey: Tensor.zeros([frames, 1, site.channels]).asParameter(), value1: Tensor.zeros(value).asParameter(),
        value2: Tensor.zeros(value).asParameter())
      adapters.motion[site.path] = motion
      parameters += [motion.queryKey, motion.value1, motion.value2].compactMap { $0 }
    }
  }
  let context = Context(adapters: adapters, recomputesActivations: options["recompute"] == "1")
  let text = trainsWeights ? TextContext(inputs.text) : unet.prepare(inputs.text, context)
  var optimizer = AdamW(learningRate: 1e-4)
  return {
    let output = try unet(inputs.latents, timesteps: [500], text: text, context)
    let loss = output.meanSquaredError(inputs.noise)
    optimizer.step(parameters, try gradients(of: loss, for: parameters))
    return loss.detached()
  }
}

private func decode(_ options: Options) throws -> Work {
  let configuration = try AutoencoderKLConfiguration(try configuration(options, "vae"))
  let vae = try load(options, "vae") { try AutoencoderKL($0, configuration) }
  var generator = TorchGenerator(seed: 1)
  let latents = generator.randn([
    options.number("frames", default: 8), configuration.latentChannels, options.number("height", default: 32),
    options.number("width", default: 32),
  ]).permuted([0, 2, 3, 1])
  return { try vae.decode(latents).permuted([0, 3, 1, 2]) }
}

private func encodeText(_ options: Options) throws -> Work {
  let configuration = try CLIPTextConfiguration(try configuration(options, "text_encoder"))
  let encoder = try load(options, "text_encoder") { try CLIPTextModel($0, configuration) }
  let tokens = [(0..<configuration.maxPositions).map { ($0 * 37 + 5) % configuration.vocabularySize }]
  return { try encoder(tokens) }
}
