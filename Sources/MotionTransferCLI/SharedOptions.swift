import ArgumentParser
import MotionTransfer

/// Options of all commands that run a model.
struct ModelOptions: ParsableArguments {
  @Option(help: "Diffusers folder of the model. Default: the bundled model.")
  var model: String?

  @Option(help: "Folder or file of AnimateDiff's motion modules, for a model of pictures such as Stable Diffusion 1.5.")
  var motionAdapter: String?

  @Option(
    help: "File of low-rank additions to the model itself, such as AnimateDiff's domain adapter; may be repeated.")
  var loraWeights: [String] = []

  @Option(help: "Strength of each of these, in their order. Default: 1.")
  var adapterWeights: [Double] = []

  @Flag(help: "Normalise ResNets over all frames, as AnimateDiff's own code does for its version 1.")
  var v1GroupNorm = false

  @Option(help: "Seed of everything random.")
  var seed: UInt64 = 0

  @Option(help: "Frames of a clip. Default: the model's recommendation.")
  var numFrames: Int?

  @Option(help: "Width in pixels. Default: the model's.")
  var width: Int?

  @Option(help: "Height in pixels. Default: the model's.")
  var height: Int?

  @Option(help: "Frames that the model sees at once, for longer clips. Default: all.")
  var contextLength: Int?

  @Option(help: "Frames that neighbouring windows share. Default: half of --context-length.")
  var contextOverlap: Int?

  @Option(help: "Threads; 0: one per processor.")
  var nThreads = 0

  @Option(
    help: "What linear layers and convolutions are computed with; bfloat16: less exact, faster with AVX-512 BF16 only.")
  var arithmetic = Arithmetic.float32

  @Option(help: "How 3x3 convolutions and those over time are computed; winograd4: a digit less exact.")
  var convolution = ConvolutionMethod.winograd2

  @Flag(
    help:
      "Code frames larger than the autoencoder's training size in overlapping tiles: less memory, slightly other frames."
  )
  var vaeTiling = false

  @Option(help: "Most tokens that a feed-forward layer holds at a time: less memory, the same result. Default: all.")
  var feedForwardChunk: Int?

  @Flag(
    help: "Learn with each block computed again for its gradient: much less memory, a third more time, the same result."
  )
  var gradientCheckpointing = false

  @Option(
    help:
      "Bytes that the program may take, such as 600M or 4G: the options above are switched on as far as it asks for it.",
    transform: { text in
      guard let bytes = MemoryOptions.bytes(text) else { throw ValidationError("expected bytes, such as 600M or 4G.") }
      return bytes
    })
  var memoryBudget: Int?

  /// The engine's options with these filled in.
  func options() -> Options {
    var options = Options()
    options.seed = seed
    options.loraWeights = loraWeights.isEmpty ? nil : loraWeights.joined(separator: ",")
    options.adapterWeights = adapterWeights.isEmpty ? nil : adapterWeights.map { "\($0)" }.joined(separator: ",")
    options.v1GroupNorm = v1GroupNorm
    options.numFrames = numFrames
    options.contextLength = contextLength
    options.contextOverlap = contextOverlap
    options.width = width
    options.height = height
    options.arithmetic = arithmetic
    options.convolution = convolution
    options.memory.vaeTiling = vaeTiling
    options.memory.feedForwardChunk = feedForwardChunk
    options.memory.gradientCheckpointing = gradientCheckpointing
    options.memory.budget = memoryBudget
    return options
  }

  /// Loads the model, with progress on the terminal.
  func engine(_ job: Job) throws -> MotionTransferEngine {
    MotionTransferEngine.threads = nThreads
    return try MotionTransferEngine(model: model, motionAdapter: motionAdapter, job: job)
  }

  func validate() throws {
    guard (0...256).contains(nThreads) else {
      throw ValidationError("--n-threads: found \(nThreads), expected 0 to 256.")
    }
  }
}
