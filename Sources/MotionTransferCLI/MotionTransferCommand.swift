import ArgumentParser
import Checkpoints
import Glibc
import MotionTransfer

/// The command `motiontransfer`.
@main
struct MotionTransferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "motiontransfer",
    abstract: "Video that moves like a reference and looks like a prompt.",
    discussion: """
      Learn the motion of a video, then generate others that move the same way:

        motiontransfer learn --reference walk.mp4 --reference-prompt "a dog on grass" --output walk.motion.safetensors
        motiontransfer generate --prompt "a fox in the snow" --motion-embedding walk.motion.safetensors --output fox.mp4

      Exit status: 0 done, 64 bad usage, 65 bad input data, 66 missing input, 70 internal error, 73 output cannot be \
      written or too little memory, 130 interrupted.
      """,
    version: "0.1.0",
    subcommands: [
      Learn.self, Generate.self, Convert.self, Train.self, MeasureCommand.self, Inspect.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as MotionTransferError {
      fail(error)
    } catch let error as CheckpointError {
      fail(MotionTransferError(error))
    } catch {
      exit(withError: error)
    }
  }

  private static func fail(_ error: MotionTransferError) -> Never {
    Terminal.finishLine()
    StandardError.write("motiontransfer: \(error.message)\n")
    Glibc.exit(error.kind.exitStatus)
  }
}

extension MotionTransferError.Kind {
  /// The exit status for this kind of error, after sysexits.h.
  var exitStatus: Int32 {
    switch self {
    case .settings: 64
    case .badData, .mismatch, .unreadable: 65
    case .notFound: 66
    case .failed: 70
    case .noSpace, .unwritable: 73
    case .cancelled: 130
    }
  }
}
