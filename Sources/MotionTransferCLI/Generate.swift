public import ArgumentParser
import Media
public import MotionTransfer

extension Arithmetic: ExpressibleByArgument {}
extension ConvolutionMethod: ExpressibleByArgument {}
extension DebiasMode: ExpressibleByArgument {}
extension FirstFrame: ExpressibleByArgument {}
extension HighwayPreset: ExpressibleByArgument {}
extension NoiseInitialization: ExpressibleByArgument {}

/// `motiontransfer generate`: a prompt and a motion embedding in, a video out.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generate a video that shows a prompt and moves like a reference.",
    discussion: """
      Example: motiontransfer generate --prompt "a fox in the snow" --motion-embedding walk.motion.safetensors --output fox.mp4

      The output is a video, a folder of PNG frames where the name has no extension, or raw RGB where it ends in .rgb.
      """)

  @OptionGroup var shared: ModelOptions

  @Option(help: "What the video shows.")
  var prompt: String

  @Option(help: "What it should not show.")
  var negativePrompt = ""

  @Option(help: "File of a learned motion, as learn writes it, or of low-rank additions of others. Default: none.")
  var motionEmbedding: String?

  @Option(help: "Removal of the reference's appearance: auto, difference, normalize, none or camera.")
  var debiasMode = DebiasMode.auto

  @Option(help: "First frame of a debiasing by differences: kept, zeroed or mean-subtracted.")
  var firstFrame: FirstFrame?

  @Option(help: "Strength of the embedding. Default: the model's recommendation.")
  var motionScale: Double?

  @Option(help: "Strength on queries and keys alone. Default: --motion-scale.")
  var queryKeyScale: Double?

  @Option(help: "Strength on values alone. Default: --motion-scale.")
  var valueScale: Double?

  @Option(help: "Share of the denoising steps after which the embedding begins to act, 0 to 1.")
  var applyFrom: Double?

  @Option(help: "Share of the denoising steps after which it acts no more, 0 to 1.")
  var applyUntil: Double?

  @Option(help: "Strength of low-rank additions and weight differences. Default: 1.")
  var loraScale: Double?

  @Option(help: "Skip connections around the temporal layers: none, paper or reference.")
  var appearanceHighway = HighwayPreset.none

  @Option(help: "What those are multiplied by. Default: 1.1.")
  var highwayScale: Double?

  @Option(
    help: "A level, counted from the largest picture, whose skips are rewired; may be repeated. Default: the preset's.")
  var highwayLevel: [Int] = []

  @Flag(help: "Resample an embedding that was learned at another size or length.")
  var resample = false

  @Option(help: "Start: random, blend, frequency, blended-frequency or fft. Default: the model's recommendation.")
  var noiseInitialization: NoiseInitialization?

  @Option(help: "Share of the reference's inverted noise, 0 to 1. Default: the model's recommendation.")
  var noisePrior: Double?

  @Option(help: "Sampler: auto (the model's own), ddim, ddpm, pndm, euler, euler-ancestral, dpmsolver++ or lcm.")
  var scheduler: String?

  @Option(help: "Denoising steps. Default: the model's recommendation.")
  var numInferenceSteps: Int?

  @Option(help: "Weight of the prompt; at most 1 switches guidance off. Default: the model's recommendation.")
  var guidanceScale: Double?

  @Option(help: "Share of the guided prediction to rescale, 0 to 1. Default: the model's recommendation.")
  var guidanceRescale: Double?

  @Option(help: "Frames a second of the written video. Default: the embedding's or the model's, else 8.")
  var frameRate: Double?

  @Option(help: "Video, folder of PNG frames, or raw RGB in a file ending in .rgb.")
  var output: String

  func run() throws {
    var options = shared.options()
    options.prompt = prompt
    options.negativePrompt = negativePrompt
    options.debiasMode = debiasMode
    options.firstFrame = firstFrame
    options.motionScale = motionScale
    options.queryKeyScale = queryKeyScale
    options.valueScale = valueScale
    options.applyFrom = applyFrom
    options.applyUntil = applyUntil
    options.loraScale = loraScale
    options.appearanceHighway = appearanceHighway
    options.highwayScale = highwayScale
    options.highwayLevels = highwayLevel.isEmpty ? nil : highwayLevel.map(String.init).joined(separator: ",")
    options.resample = resample
    options.noiseInitialization = noiseInitialization
    options.noisePrior = noisePrior
    options.scheduler = scheduler
    options.numInferenceSteps = numInferenceSteps
    options.guidanceScale = guidanceScale
    options.guidanceRescale = guidanceRescale
    options.frameRate = frameRate
    _ = try MotionTransferEngine.geometry(model: shared.model, motionAdapter: shared.motionAdapter, options)
    let embedding = try motionEmbedding.map { try MotionEmbedding(contentsOf: $0) }
    let interrupt = Interrupt()
    let terminal = Terminal()
    let job = Job(
      isCancelled: { interrupt.isRaised }, progress: { terminal.show($0) }, warning: Terminal.warn,
      note: Terminal.note)
    // What cannot be written is found out before the work and not after it.
    let writer = try VideoWriter(output)
    let engine = try shared.engine(job)
    let clip = try engine.generate(options, embedding: embedding, job: job)
    terminal.finish()
    let learned = embedding?.metadata["frame-rate"].flatMap(Double.init)
    let rate = frameRate ?? learned ?? engine.recommendations.frameRate ?? 8
    try writer.write(clip, frameRate: rate)
  }
}
