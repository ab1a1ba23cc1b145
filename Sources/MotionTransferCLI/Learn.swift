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

  @Option(help: "Video to learn from, or raw RGB frames in a file ending in .rgb.")
  var reference: String

  @Option(help: "What the reference shows.")
  var referencePrompt: String?

  @Option(help: "Frames a second to convert the reference to. Default: the file's own.")
  var frameRate: Double?

  @Option(
    help:
      "Which temporal attentions learn: auto, all, or a list of block paths, widths in channels, grid:WxH, coarsest:WxH."
  )
  var sites: String?

  @Option(help: "One row for all pixels or one for each, queries and keys, then values: 1d-1d, 2d-1d, 1d-2d or 2d-2d.")
  var embeddingDesign: EmbeddingDesign?

  @Option(help: "Loss: base, debiased, vmc-paper or vmc-code. Default: the model's recommendation.")
  var loss: Loss?

  @Option(help: "How time steps are drawn: uniform, or cubic, which favours high noise.")
  var timestepSampling: TimestepSampling?

  @Option(help: "Learning steps. Default: the model's recommendation.")
  var inversionSteps: Int?

  @Option(help: "Steps of the DDIM inversion whose noise is stored; 0 stores none. Default: the model's.")
  var ddimInversionSteps: Int?

  @Option(help: "Learning rate. Default: the model's recommendation.")
  var learningRate: Double?

  @Option(help: "File that gets one loss per line.")
  var logLosses: String?

  @Option(help: "File that learning's state is written to; a learning that was killed goes on from it.")
  var learningCheckpoint: String?

  @Option(help: "Seconds between two writings of the checkpoint.")
  var checkpointSeconds = 30.0

  @Option(help: "Embedding file to write: safetensors, or motion_embed.pt of the published code where it ends in .pt.")
  var output: String

  func run() throws {
    var options = shared.options()
    options.referencePrompt = referencePrompt
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
    let interrupt = Interrupt()
    let video = try VideoReader(reference).read(
      frames: geometry.numFrames, width: geometry.width, height: geometry.height, frameRate: frameRate,
      isCancelled: { interrupt.isRaised })
    options.frameRate = frameRate ?? video.frameRate
    let losses = LossLog()
    let terminal = Terminal()
    let job = Job(
      isCancelled: { interrupt.isRaised },
      progress: { progress in
        losses.add(progress)
        terminal.show(progress)
      }, warning: Terminal.warn)
    let engine = try shared.engine(job)
    let embedding = try engine.learn(video.clip, options, job: job)
    terminal.finish()
    if let logLosses { try losses.write(to: logLosses) }
    try embedding.write(to: output)
    if let learningCheckpoint { unlink(learningCheckpoint) }
  }
}

extension EmbeddingDesign: ExpressibleByArgument {}
extension Loss: ExpressibleByArgument {}
extension TimestepSampling: ExpressibleByArgument {}
