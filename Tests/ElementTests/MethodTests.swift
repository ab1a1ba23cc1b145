// The ways to learn and to apply a motion, on the real engine and a tiny model: the element gives what the engine gives.
import CGStreamer
import CGstCheck
import CGstMotionTransfer
import Foundation
import MotionTransfer
import Testing

@testable import MotionTransferElement

extension ElementSuite {
  @Suite struct Methods {
    let folder = ScratchFolder()
    private let model =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
      + "/Goldens/tiny-zeroscope"

    /// Six frames of noise at the tiny model's size.
    private var pixels: [UInt8] { (0..<6 * 16 * 24 * 3).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 3) } }

    /// What comes out of an element with these properties, by the real engine.
    private func run(_ own: [String: String]) -> [UInt8] {
      _ = GStreamer.start
      let echo = Generators.provider
      defer { Generators.provider = echo }
      Generators.provider = EngineProvider()
      let properties = own.merging([
        "model": model, "width": "24", "height": "16", "num-frames": "6", "seed": "5", "num-inference-steps": "4",
        "noise-prior": "0",
      ]) { $1 }
      let harness = ElementHarness(properties, caps: "video/x-raw,format=RGB,width=24,height=16,framerate=8/1")
      let size = 24 * 16 * 3
      for frame in 0..<6 {
        let bytes = Array(pixels[frame * size..<(frame + 1) * size])
        #expect(
          gst_harness_push(harness.harness, harness.buffer(bytes, pts: GstClockTime(frame) * ElementHarness.frame))
            == GST_FLOW_OK)
      }
      harness.push(gst_event_new_eos())
      let reports = harness.reports()
      #expect(reports.errors.isEmpty, "\(reports.errors)")
      return harness.pullAll().flatMap(\.bytes)
    }

    private func options() -> Options {
      var options = Options()
      (options.width, options.height, options.numFrames, options.seed) = (24, 16, 6, 5)
      (options.numInferenceSteps, options.noisePrior) = (4, 0)
      return options
    }

    @Test(arguments: ["motion-director", "tap", "vmc", "syn-motion"]) func aMotionIsLearnedByEachMethod(_ name: String)
      throws
    {
      let file = folder["\(name).safetensors"]
      let loss = name == "syn-motion" ? Loss.debiased : .hybrid
      #expect(
        run([
          "motion-phrase": "ball", "prior-prompts": "a cat, running", "prior-share": "0.5", "num-inference-steps": "4",
          "mode": "learn", "reference-prompt": "a ball", "method": name, "lora-rank": "2", "lora-targets": "k+out",
          "lora-dropout": "0.25", "loss": loss.rawValue, "inversion-steps": "3", "ddim-inversion-steps": "0",
          "context-length": "4", "motion-embedding": file, "learning-checkpoint": folder["state"],
        ]) == pixels)
      var options = options()
      options.referencePrompt = "a ball"
      options.method = MotionTransfer.Method(rawValue: name)
      (options.rank, options.lowRankTargets, options.dropout) = (2, .keyOutput, 0.25)
      (options.loss, options.inversionSteps, options.ddimInversionSteps) = (loss, 3, 0)
      (options.motionPhrase, options.priorPrompts, options.priorShare) = ("ball", "a cat, running", 0.5)
      options.contextLength = 4
      options.frameRate = 8
      let engine = try MotionTransferEngine(model: model)
      let learned = try engine.learn(Clip(frames: 6, height: 16, width: 24, pixels: pixels), options)
      let found = try MotionEmbedding(contentsOf: file)
      #expect(found.metadata["method"] == name && found.metadata["context-length"] == "4")
      #expect(found.metadata["final-loss"] == learned.metadata["final-loss"])
      #expect(folder.contents == ["\(name).safetensors"])
    }

    @Test func aLowRankMotionIsAppliedWithTheHighway() throws {
      let engine = try MotionTransferEngine(model: model)
      var options = options()
      (options.method, options.inversionSteps, options.ddimInversionSteps) = (.tap, 5, 0)
      (options.loss, options.learningRate) = (.base, 0.05)
      let motion = try engine.learn(Clip(frames: 6, height: 16, width: 24, pixels: pixels), options)
      let file = folder["tap.safetensors"]
      try motion.write(to: file)
      options.prompt = "a cat"
      (options.loraScale, options.appearanceHighway, options.highwayScale) = (2, .paper, 1.5)
      (options.highwayLevels, options.applyFrom, options.applyUntil) = ("1", 0.25, 0.75)
      (options.contextLength, options.contextOverlap) = (4, 1)
      let expected = try engine.generate(options, embedding: motion).pixels
      #expect(
        run([
          "mode": "apply", "prompt": "a cat", "motion-embedding": file, "lora-scale": "2",
          "appearance-highway": "paper", "highway-scale": "1.5", "highway-level": "1", "apply-from": "0.25",
          "apply-until": "0.75", "context-length": "4", "context-overlap": "1",
        ]) == expected)
      options.appearanceHighway = HighwayPreset.none
      #expect(try engine.generate(options, embedding: motion).pixels != expected)
    }

    @Test func aLevelWithoutAttentionIsRefused() {
      let echo = Generators.provider
      defer { Generators.provider = echo }
      Generators.provider = EngineProvider()
      let bus = gst_bus_new()!
      let element = GStreamer.element(
        ["model": model, "prompt": "a cat", "mode": "apply", "appearance-highway": "paper", "highway-level": "7"],
        bus: bus)
      #expect(gst_element_set_state(element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
      #expect(GStreamer.reports(bus).errors.first?.text.contains("highway-level") ?? false)
      gst_element_set_state(element, GST_STATE_NULL)
      gst_object_unref(element)
      gst_object_unref(bus)
    }
  }
}
