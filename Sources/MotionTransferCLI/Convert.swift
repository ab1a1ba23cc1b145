public import ArgumentParser
public import MotionTransfer

/// `motiontransfer convert`: embedding files in, one out.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convert, resample, reverse, shift or combine motion embeddings.",
    discussion: """
      Examples:

        motiontransfer convert --input motion_embed.pt --model zeroscope_v2_576w --width 576 --height 320 --output a.safetensors
        motiontransfer convert --input a.safetensors --output motion_embed.pt
        motiontransfer convert --input a.safetensors --model zeroscope_v2_576w --resample --num-frames 16 --output short.safetensors
        motiontransfer convert --input a.safetensors --input b.safetensors --region 0,0,0.5,1 --region 0.5,0,0.5,1 --output c.safetensors

        motiontransfer convert --input 300_unet.pt --model zeroscope_v2_576w --output walk.safetensors
        motiontransfer convert --input tap.safetensors --keys kohya --output tap-kohya.safetensors

      A name that ends in .pt is the format of Motion Inversion's published code. --width and --height say at which size the \
      embeddings were learned, for files that do not; with --resample, they and --num-frames are the new size.
      """)

  @Option(help: "Embedding file; once for each that is combined.")
  var input: [String]

  @Option(help: "Weight of an input, in their order. Default: 1.")
  var weight: [Double] = []

  @Option(help: "Where the values of an input act, in their order: x,y,width,height in shares of the picture.")
  var region: [MotionRegion] = []

  @Option(help: "Names of low-rank additions in the output: diffusers, kohya or animatediff. Default: diffusers.")
  var keys: LowRankNaming?

  @Flag(help: "Play the motion backwards.")
  var reverse = false

  @Option(help: "Frames by which the motion comes later; negative: earlier.")
  var offset = 0

  @Flag(help: "Resample to --num-frames, --width and --height.")
  var resample = false

  @Option(help: "Diffusers folder of the model. Default: the bundled model.")
  var model: String?

  @Option(help: "AnimateDiff motion adapter that the model needs: folder or file.")
  var motionAdapter: String?

  @Option(help: "Frames of the new embedding. Default: the file's.")
  var numFrames: Int?

  @Option(help: "Width in pixels. Default: the file's.")
  var width: Int?

  @Option(help: "Height in pixels. Default: the file's.")
  var height: Int?

  @Option(help: "Embedding file to write: safetensors, or .pt.")
  var output: String

  func validate() throws {
    guard !input.isEmpty, [0, input.count].contains(weight.count), [0, input.count].contains(region.count) else {
      throw ValidationError(
        "--input, --weight, --region: found \(input.count), \(weight.count) and \(region.count), expected none or one "
          + "weight and region for each input.")
    }
    guard weight.allSatisfy(\.isFinite), (-1000...1000).contains(offset) else {
      throw ValidationError("--weight, --offset: expected finite weights and at most 1000 frames.")
    }
  }

  func run() throws {
    var options = Options()
    (options.numFrames, options.width, options.height) = (numFrames, width, height)
    let parts = try input.enumerated().map { index, path in
      var embedding = try MotionEmbedding(contentsOf: path)
      if !resample, width != nil || height != nil {
        embedding = try embedding.located(model: model, motionAdapter: motionAdapter, options)
      }
      // Names and order of low-rank additions are the model's.
      if embedding.changesLinears {
        embedding = try MotionTransferEngine(model: model, motionAdapter: motionAdapter).placed(embedding)
      }
      if resample {
        var target = options
        target.numFrames = numFrames ?? embedding.metadata["frames"].flatMap { Int($0) }
        target.width = width ?? embedding.metadata["width"].flatMap { Int($0) }
        target.height = height ?? embedding.metadata["height"].flatMap { Int($0) }
        embedding = try embedding.resampled(model: model, motionAdapter: motionAdapter, target)
      }
      return MotionPart(
        embedding, weight: weight.isEmpty ? 1 : weight[index], region: region.isEmpty ? nil : region[index])
    }
    var result = try MotionEmbedding.combined(parts)
    if reverse { result = result.reversed() }
    if offset != 0 { result = result.delayed(by: offset) }
    if let keys { try result.write(to: output, keys: keys) } else { try result.writeTelling(to: output) }
  }
}

extension LowRankNaming: ExpressibleByArgument {}

extension MotionRegion: ExpressibleByArgument {
  /// `x,y,width,height`
  public init?(argument: String) {
    let numbers = argument.split(separator: ",").compactMap { Double($0) }
    guard numbers.count == 4, numbers.allSatisfy({ (0...1).contains($0) }) else { return nil }
    self.init(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
  }
}
