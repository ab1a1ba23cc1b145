import Checkpoints
import Tensors
import Testing

@testable import MotionTransfer

/// Clips that are longer than what the model sees at once, against the same in torch.
@Suite struct FrameWindowsTests {
  private static let model = "\(Golden.folder)/tiny-zeroscope"

  @Test func windowsCoverEveryFrame() {
    #expect(FrameWindows(frames: 8, length: 4, overlap: 2).ranges == [0..<4, 2..<6, 4..<8])
    #expect(FrameWindows(frames: 8, length: 3, overlap: 1).ranges == [0..<3, 2..<5, 4..<7, 5..<8])
    #expect(FrameWindows(frames: 8, length: 8, overlap: 4).ranges == [0..<8])
    #expect(FrameWindows(frames: 3, length: 9, overlap: 8).ranges == [0..<3])
    for (frames, length, overlap) in [(9, 4, 0), (10, 4, 3), (7, 1, 0), (80, 8, 4)] {
      let windows = FrameWindows(frames: frames, length: length, overlap: overlap)
      #expect(Set(windows.ranges.flatMap(Array.init)) == Set(0..<frames))
      #expect(windows.ranges.allSatisfy { $0.count == length && $0.upperBound <= frames })
    }
  }

  @Test(arguments: [("4-2", 4, 2), ("3-1", 3, 1)])
  func learningAndSamplingEqualTorch(name: String, length: Int, overlap: Int) throws {
    let golden = try Golden("tiny-zeroscope/golden/frame_windows.safetensors")
    let engine = try MotionTransferEngine(model: Self.model)
    var options = try Options.ofGoldenFrames()
    (options.contextLength, options.contextOverlap) = (length, overlap)
    let learned = try MotionEmbedding(contentsOf: "\(Self.model)/golden/learned.motion.safetensors")
    expectFrames(try engine.generate(options, embedding: learned), try golden["\(name)/frames"])

    options = try Options(learning: try Golden.configuration("tiny-zeroscope/golden/learning.json"))
    (options.contextLength, options.contextOverlap, options.learningRate) = (length, overlap, 0.02)
    let frames = try Golden("tiny-zeroscope/golden/learning.safetensors")["reference_frames"]
    let losses = Collected<Float>()
    let motion = try engine.learn(
      Clip(
        frames: frames.shape[0], height: frames.shape[1], width: frames.shape[2],
        pixels: frames.toArray().map { UInt8($0) }), options,
      job: Job(progress: { if let loss = $0.loss { losses.add(loss) } }))
    let expected = try golden["\(name)/losses"].toArray()
    #expect(losses.values.count == expected.count)
    for (loss, golden) in zip(losses.values, expected) { #expect(abs(loss - golden) <= 1e-3 * golden) }
    expectClose(try #require(motion.inversionNoise), try golden["\(name)/inversion_noise"], 1e-3, "inverted noise")
  }

  @Test func badWindowsAreRefused() throws {
    for (length, overlap) in [(0, 0), (4, 4), (4, -1), (1000, 1)] {
      var options = Options()
      (options.numFrames, options.width, options.height) = (8, 16, 16)
      (options.contextLength, options.contextOverlap) = (length, overlap)
      #expect(throws: MotionTransferError.self) { try MotionTransferEngine.geometry(model: Self.model, options) }
    }
  }
}

/// An embedding's rows for a window are those of the whole.
@Suite struct DebiasTests {
  @Test(arguments: DebiasMode.allCases, FirstFrame.allCases)
  func windowsHaveTheRowsOfTheWhole(mode: DebiasMode, firstFrame: FirstFrame) {
    var generator = TorchGenerator(seed: 3)
    let debias = Debias(generator.randn([7, 3, 5]), mode, firstFrame: firstFrame, scale: 1.5)
    let whole = debias.rows(0..<7)
    for range in [0..<1, 0..<4, 1..<5, 3..<7, 6..<7] {
      #expect(debias.rows(range)?.toArray() == whole?.sliced(axis: 0, range).toArray())
    }
  }
}
