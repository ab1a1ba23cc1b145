import Checkpoints
import MotionTransfer

/// The engine's options by the names that the command line and the element give them, for files that list settings.
struct NamedOption: Sendable {
  /// As on the command line.
  let name: String
  /// Whether the learned embedding depends on it.
  let isForLearning: Bool
  /// Reads its value from an object that has the key.
  let set: @Sendable (inout Options, Configuration) throws -> Void

  /// All that a method may set.
  static let all: [NamedOption] = [
    text("sites", isForLearning: true) { $0.sites = $1 },
    choice("embedding-design", isForLearning: true) { (options, value: EmbeddingDesign) in
      options.embeddingDesign = value
    },
    choice("loss", isForLearning: true) { (options, value: Loss) in options.loss = value },
    choice("timestep-sampling", isForLearning: true) { (options, value: TimestepSampling) in
      options.timestepSampling = value
    },
    count("inversion-steps", isForLearning: true) { $0.inversionSteps = $1 },
    count("ddim-inversion-steps", isForLearning: true) { $0.ddimInversionSteps = $1 },
    number("learning-rate", isForLearning: true) { $0.learningRate = $1 },
    choice("debias-mode") { (options, value: DebiasMode) in options.debiasMode = value },
    choice("first-frame") { (options, value: FirstFrame) in options.firstFrame = value },
    number("motion-scale") { $0.motionScale = $1 },
    number("query-key-scale") { $0.queryKeyScale = $1 },
    number("value-scale") { $0.valueScale = $1 },
    number("apply-from") { $0.applyFrom = $1 },
    number("apply-until") { $0.applyUntil = $1 },
    choice("noise-initialization") { (options, value: NoiseInitialization) in options.noiseInitialization = value },
    number("noise-prior") { $0.noisePrior = $1 },
    text("scheduler") { $0.scheduler = $1 },
    count("num-inference-steps") { $0.numInferenceSteps = $1 },
    number("guidance-scale") { $0.guidanceScale = $1 },
    number("guidance-rescale") { $0.guidanceRescale = $1 },
    text("negative-prompt") { $0.negativePrompt = $1 },
  ]

  /// Sets every option that the object has.
  ///
  /// - Throws: `CheckpointError` for an unknown name or a value of the wrong kind
  static func apply(_ json: Configuration, to options: inout Options) throws {
    for key in json.values.keys.sorted() {
      guard let option = all.first(where: { $0.name == key }) else {
        throw json.error(key, expected: "one of \(all.map(\.name).joined(separator: ", "))")
      }
      try option.set(&options, json)
    }
  }

  private static func number(
    _ name: String, isForLearning: Bool = false, _ set: @escaping @Sendable (inout Options, Double) -> Void
  ) -> NamedOption {
    NamedOption(name: name, isForLearning: isForLearning) { set(&$0, try $1.double(name)) }
  }

  private static func count(
    _ name: String, isForLearning: Bool = false, _ set: @escaping @Sendable (inout Options, Int) -> Void
  ) -> NamedOption {
    NamedOption(name: name, isForLearning: isForLearning) { set(&$0, try $1.int(name, in: 0...1 << 20)) }
  }

  private static func text(
    _ name: String, isForLearning: Bool = false, _ set: @escaping @Sendable (inout Options, String) -> Void
  ) -> NamedOption {
    NamedOption(name: name, isForLearning: isForLearning) { set(&$0, try $1.string(name)) }
  }

  private static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, isForLearning: Bool = false, _ set: @escaping @Sendable (inout Options, Choice) -> Void
  ) -> NamedOption {
    NamedOption(name: name, isForLearning: isForLearning) { options, json in
      let text = try json.string(name, among: Choice.allCases.map(\.rawValue))
      if let choice = Choice(rawValue: text) { set(&options, choice) }
    }
  }
}
