import ArgumentParser
import MotionTransfer

/// `motiontransfer inspect`: what a file or a model folder is.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what an embedding file or a model folder holds.",
    discussion: "Example: motiontransfer inspect walk.motion.safetensors")

  @Argument(help: "Embedding file or diffusers folder. Default: the bundled model.")
  var path: String?

  @Option(help: "Folder or file of AnimateDiff's motion modules, for a model of pictures.")
  var motionAdapter: String?

  func run() throws {
    let lines = try Inspection.describe(path, motionAdapter: motionAdapter)
    print(lines.joined(separator: "\n"))
  }
}
