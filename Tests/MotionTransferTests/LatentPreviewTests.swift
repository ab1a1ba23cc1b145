import Synchronization
import Tensors
import Testing

@testable import MotionTransfer

/// The linear map from latents to colours.
@Suite struct LatentPreviewTests {
  @Test func aLinearAutoencoderIsFoundExactly() {
    // Latents that are an invertible linear map of the colours, and a channel that is always the same.
    let colours: [[Float]] = (0..<64).map { [$0 % 4, $0 / 4 % 4, $0 / 16].map { Float($0) / 1.5 - 1 } }
    let latents = colours.map { [$0[0] + $0[1], $0[1] - 2 * $0[2] + 0.5, 3 * $0[0], 0.25] }
    let preview = LatentPreview(latents: latents, colours: colours)
    let clip = preview.clip(Tensor(latents.flatMap { $0 }, shape: [1, 1, 8, 8, 4]))
    let expected = colours.flatMap { $0 }.map { UInt8((($0 / 2 + 0.5) * 255).rounded(.toNearestOrEven)) }
    #expect(zip(clip.pixels, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
  }

  @Test func aGenerationShowsItsStepsAndComesCloseAtTheEnd() throws {
    let engine = try MotionTransferEngine(model: "\(Golden.folder)/tiny-zeroscope")
    var options = Options()
    options.prompt = "a ball"
    (options.numFrames, options.width, options.height) = (3, 24, 16)
    options.numInferenceSteps = 5
    let shown = Shown()
    let with = try engine.generate(
      options, embedding: nil, job: Job(preview: PreviewRequest(interval: 2) { shown.add($0, $1) }))
    #expect(shown.steps == [2, 4, 5])
    // At the latents' size, and without influence on the result.
    let last = try #require(shown.last)
    #expect(last.frames == 3 && last.width < 24 && 24 % last.width == 0 && last.width * 16 == last.height * 24)
    #expect(try engine.generate(options, embedding: nil) == with)
  }
}

/// The previews of a job.
private final class Shown: Sendable {
  private let all = Mutex<[(step: Int, clip: Clip)]>([])
  func add(_ step: Int, _ clip: Clip) { all.withLock { $0.append((step, clip)) } }
  var steps: [Int] { all.withLock { $0.map(\.step) } }
  var last: Clip? { all.withLock { $0.last?.clip } }
}
