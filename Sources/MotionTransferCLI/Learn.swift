public import ArgumentParser
import Glibc
import Media
public import MotionTransfer

/// `motiontransfer learn`: a reference video in, a motion embedding out.
struct Learn: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Learn the motion of a video.",
    discussion: """
      Example: motiontransfer learn --reference walk.mp4 --reference-prompt "a dog on grass" --output walk.motion.safetensors

      Reads the first frames of a video that GStreamer decodes, or of raw RGB where the name ends in .rgb (of the size \
      of --width and --height).
      """)

  @OptionGroup var shared: ModelOptions

  @Option(
    help: "Video to learn from, or raw RGB frames in a file ending in .rgb; several, given one by one, share a motion.")
  var reference: [String]

  @Option(help: "What the reference shows; one for each reference, in their order.")
  var referencePrompt: [String] = []

  @Option(help: "Method: motion-inversion, motion-director, tap, vmc or syn-motion.")
  var method: MotionTransfer.Method = .motionInversion

  @Option(help: "Rank of low-rank additions (motion-director, tap, syn-motion). Default: 32.")
  var loraRank: Int?

  @Option(
    help:
      "What carries them: all, k, k+out, qk or qkv. Default: all for motion-director, k for tap, qkv for syn-motion.")
  var loraTargets: LowRankTargets?

  @Option(help: "Share of an addition that a learning step drops. Default: 0.1, for syn-motion 0.")
  var loraDropout: Double?

  @Option(help: "Words of --reference-prompt that name its motion (syn-motion).")
  var motionPhrase: String?

  @Option(
    help: ArgumentHelp(
      "Prompts of clips that the model makes itself (syn-motion): \"a cat, running; a dog, jumping\". Default: the model's.",
      valueName: "prompts"))
  var priorPrompts: String?

  @Option(help: "Share of the learning steps that see such a clip (syn-motion). Default: 0.25.")
  var priorShare: Double?

  @Option(help: "Frames a second to convert the reference to. Default: the file's own.")
  var frameRate: Double?

  @Option(
    help:
      "Which temporal attentions learn: auto, all, or a list of block paths, widths in channels, grid:WxH, coarsest:WxH."
  )
  var sites: String?

  @Option(help: "One row for all pixels or one for each, queries and keys, then values: 1d-1d, 2d-1d, 1d-2d or 2d-2d.")
  var embeddingDesign: EmbeddingDesign?

  @Option(help: "Loss: base, debiased, hybrid, vmc-paper or vmc-code. Default: the method's.")
  var loss: Loss?

  @Option(help: "How time steps are drawn: uniform, or cubic, which favours high noise.")
  var timestepSampling: TimestepSampling?

  @Option(help: "Learning steps. Default: the model's recommendation, or the method's authors'.")
  var inversionSteps: Int?

  @Option(help: "Steps of the DDIM inversion whose noise is stored; 0 stores none. Default: the model's.")
  var ddimInversionSteps: Int?

  @Option(help: "Learning rate. Default: the model's recommendation, or the method's authors'.")
  var learningRate: Double?

  @Option(help: "File that gets one loss per line.")
  var logLosses: String?

  @Option(help: "File that learning's state is written to; a learning that was killed goes on from it.")
  var learningCheckpoint: String?

  @Option(help: "Seconds between two writings of the checkpoint.")
  var checkpointSeconds = 30.0

  @Option(help: "Embedding file to write: safetensors, or motion_embed.pt of the published code where it ends in .pt.")
  var output: String

  func validate() throws {
    guard !reference.isEmpty, [0, reference.count].contains(referencePrompt.count) else {
      throw ValidationError(
        "--reference-prompt: found \(referencePrompt.count) for \(reference.count) references, expected one for each.")
    }
  }

  func run() throws {
    var options = shared.options()
    options.method = method
    options.rank = loraRank
    options.lowRankTargets = loraTargets
    options.dropout = loraDropout
    options.motionPhrase = motionPhrase
    options.priorPrompts = priorPrompts
    options.priorShare = priorShare
    options.sites = sites
    options.embeddingDesign = embeddingDesign
    options.loss = loss
    options.timestepSampling = timestepSampling
    options.inversionSteps = inversionSteps
    options.ddimInversionSteps = ddimInversionSteps
    options.learningRate = learningRate
    options.learningCheckpoint = learningCheckpoint
    options.checkpointSeconds = checkpointSeconds
    let geometry = try MotionTransferEngine.geometry(model: shared.model, motionAdapter: shared.motionAdapter, options)
    try checkOutputs()
    let interrupt = Interrupt()
    let videos = try reference.map { path in
      try VideoReader(path).read(
        frames: geometry.numFrames, width: geometry.width, height: geometry.height, frameRate: frameRate,
        isCancelled: { interrupt.isRaised })
    }
    options.frameRate = frameRate ?? videos.first?.frameRate
    let references = videos.enumerated().map { index, video in
      Reference(video.clip, prompt: referencePrompt.isEmpty ? nil : referencePrompt[index])
    }
    let losses = LossLog()
    let terminal = Terminal()
    let job = Job(
      isCancelled: { interrupt.isRaised },
      progress: { progress in
        losses.add(progress)
        terminal.show(progress)
      }, warning: Terminal.warn, note: Terminal.note)
    let engine = try shared.engine(job)
    let embedding = try engine.learn(references, options, job: job)
    terminal.finish()
    try embedding.writeTelling(to: output)
    if let learningCheckpoint { unlink(learningCheckpoint) }
    if let logLosses { try losses.write(to: logLosses) }
  }

  /// What cannot be written is found out before the work and not after it.
  private func checkOutputs() throws {
    for path in [output, logLosses, learningCheckpoint].compactMap({ $0 }) { try Output(path).check() }
    guard !MotionEmbedding.isTorch(output) || [.motionInversion, .motionDirector, .tap].contains(method) else {
      throw ValidationError(
        "--output: found \(output), expected a name ending in .safetensors: \(method.rawValue) has no published format."
      )
    }
  }
}

extension MotionEmbedding {
  /// Writes the file, and says what its format has no place for.
  func writeTelling(to path: String) throws {
    try write(to: path)
    guard Self.isTorch(path), inversionNoise != nil else { return }
    Terminal.warn(
      "\(path): the published format has no place for the inverted noise; a name ending in .safetensors has")
  }
}

extension EmbeddingDesign: ExpressibleByArgument {}
extension Loss: ExpressibleByArgument {}
extension LowRankTargets: ExpressibleByArgument {}
extension MotionTransfer.Method: ExpressibleByArgument {}
extension TimestepSampling: ExpressibleByArgument {}
