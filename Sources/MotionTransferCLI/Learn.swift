import ArgumentParser
import Glibc
import Media
import MotionTransfer

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

  @Option(help: "Which temporal attentions learn: auto, all, or a list of block paths or widths in channels.")
  var sites: String?

  @Option(help: "Loss: base (Motion Inversion, equation 4).")
  var loss: Loss = .base

  @Option(help: "Learning steps. Default: the model's recommendation.")
  var inversionSteps: Int?

  @Option(help: "Steps of the DDIM inversion whose noise is stored; 0 stores none. Default: the model's.")
  var ddimInversionSteps: Int?

  @Option(help: "Learning rate. Default: the model's recommendation.")
  var learningRate: Double?

  @Option(help: "File that gets one loss per line.")
  var logLosses: String?

  @Option(help: "Embedding file to write, safetensors.")
  var output: String

  /// Losses by name.
  enum Loss: String, ExpressibleByArgument, CaseIterable {
    case base
  }

  func run() throws {
    var options = shared.options()
    options.referencePrompt = referencePrompt
    options.sites = sites
    options.inversionSteps = inversionSteps
    options.ddimInversionSteps = ddimInversionSteps
    options.learningRate = learningRate
    let geometry = try MotionTransferEngine.geometry(model: shared.model, options)
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
  }
}
