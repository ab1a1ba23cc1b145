// Which GObject property is which field of the settings. A new property is a row here, a line in
// Plugin/Shell/properties.c and an entry of GstMotionTransferProperty.
import CGStreamer
import CGstMotionTransfer
import MotionTransfer

extension Settings {
  private typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

  /// A field and its GObject type.
  private enum Field: Sendable {
    case text(Path<String?>)
    case flag(Path<Bool>)
    case count(Path<UInt32>)
    case integer(Path<Int32>)
    case large(Path<UInt64>)
    case number(Path<Double>)
    /// An enumeration by the order of its cases, which is that of the C enumeration.
    case choice(Path<Int32>)
  }

  /// Taken at the start of each clip.
  private static let perClip: [UInt32: Field] = [
    GST_MOTION_TRANSFER_PROPERTY_PROMPT.rawValue: .text(\.prompt),
    GST_MOTION_TRANSFER_PROPERTY_NEGATIVE_PROMPT.rawValue: .text(\.negativePrompt),
    GST_MOTION_TRANSFER_PROPERTY_REFERENCE_PROMPT.rawValue: .text(\.referencePrompt),
    GST_MOTION_TRANSFER_PROPERTY_DEBIAS_MODE.rawValue: .choice(\.debiasMode.property),
    GST_MOTION_TRANSFER_PROPERTY_FIRST_FRAME.rawValue: .choice(\.firstFrame.property),
    GST_MOTION_TRANSFER_PROPERTY_NOISE_INITIALIZATION.rawValue: .choice(\.noiseInitialization.property),
    GST_MOTION_TRANSFER_PROPERTY_QUERY_KEY_SCALE.rawValue: .number(\.queryKeyScale),
    GST_MOTION_TRANSFER_PROPERTY_VALUE_SCALE.rawValue: .number(\.valueScale),
    GST_MOTION_TRANSFER_PROPERTY_APPLY_FROM.rawValue: .number(\.applyFrom),
    GST_MOTION_TRANSFER_PROPERTY_APPLY_UNTIL.rawValue: .number(\.applyUntil),
    GST_MOTION_TRANSFER_PROPERTY_LORA_SCALE.rawValue: .number(\.loraScale),
    GST_MOTION_TRANSFER_PROPERTY_APPEARANCE_HIGHWAY.rawValue: .choice(\.appearanceHighway.property),
    GST_MOTION_TRANSFER_PROPERTY_HIGHWAY_SCALE.rawValue: .number(\.highwayScale),
    GST_MOTION_TRANSFER_PROPERTY_HIGHWAY_LEVEL.rawValue: .text(\.highwayLevel),
    GST_MOTION_TRANSFER_PROPERTY_RESAMPLE.rawValue: .flag(\.resample),
    GST_MOTION_TRANSFER_PROPERTY_SCHEDULER.rawValue: .text(\.scheduler),
    GST_MOTION_TRANSFER_PROPERTY_NOISE_PRIOR.rawValue: .number(\.noisePrior),
    GST_MOTION_TRANSFER_PROPERTY_MOTION_SCALE.rawValue: .number(\.motionScale),
    GST_MOTION_TRANSFER_PROPERTY_NUM_INFERENCE_STEPS.rawValue: .count(\.numInferenceSteps),
    GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_SCALE.rawValue: .number(\.guidanceScale),
    GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_RESCALE.rawValue: .number(\.guidanceRescale),
    GST_MOTION_TRANSFER_PROPERTY_PREVIEW_INTERVAL.rawValue: .count(\.previewInterval),
    GST_MOTION_TRANSFER_PROPERTY_ARITHMETIC.rawValue: .choice(\.arithmetic.property),
    GST_MOTION_TRANSFER_PROPERTY_CONVOLUTION.rawValue: .choice(\.convolution.property),
    GST_MOTION_TRANSFER_PROPERTY_VAE_TILING.rawValue: .flag(\.vaeTiling),
    GST_MOTION_TRANSFER_PROPERTY_FEED_FORWARD_CHUNK.rawValue: .count(\.feedForwardChunk),
    GST_MOTION_TRANSFER_PROPERTY_MEMORY_BUDGET.rawValue: .large(\.memoryBudget),
    GST_MOTION_TRANSFER_PROPERTY_QOS.rawValue: .flag(\.qos),
  ]

  /// Taken when the element starts.
  private static let atStart: [UInt32: Field] = [
    GST_MOTION_TRANSFER_PROPERTY_MODEL.rawValue: .text(\.model),
    GST_MOTION_TRANSFER_PROPERTY_MOTION_ADAPTER.rawValue: .text(\.motionAdapter),
    GST_MOTION_TRANSFER_PROPERTY_LORA_WEIGHTS.rawValue: .text(\.loraWeights),
    GST_MOTION_TRANSFER_PROPERTY_ADAPTER_WEIGHTS.rawValue: .text(\.adapterWeights),
    GST_MOTION_TRANSFER_PROPERTY_V1_GROUP_NORM.rawValue: .flag(\.v1GroupNorm),
    GST_MOTION_TRANSFER_PROPERTY_MOTION_EMBEDDING.rawValue: .text(\.motionEmbedding),
    GST_MOTION_TRANSFER_PROPERTY_MODE.rawValue: .choice(\.mode.property),
    GST_MOTION_TRANSFER_PROPERTY_METHOD.rawValue: .choice(\.method.property),
    GST_MOTION_TRANSFER_PROPERTY_LORA_RANK.rawValue: .count(\.loraRank),
    GST_MOTION_TRANSFER_PROPERTY_LORA_TARGETS.rawValue: .choice(\.loraTargets.property),
    GST_MOTION_TRANSFER_PROPERTY_LORA_DROPOUT.rawValue: .number(\.loraDropout),
    GST_MOTION_TRANSFER_PROPERTY_MOTION_PHRASE.rawValue: .text(\.motionPhrase),
    GST_MOTION_TRANSFER_PROPERTY_PRIOR_PROMPTS.rawValue: .text(\.priorPrompts),
    GST_MOTION_TRANSFER_PROPERTY_PRIOR_SHARE.rawValue: .number(\.priorShare),
    GST_MOTION_TRANSFER_PROPERTY_SITES.rawValue: .text(\.sites),
    GST_MOTION_TRANSFER_PROPERTY_EMBEDDING_DESIGN.rawValue: .choice(\.embeddingDesign.property),
    GST_MOTION_TRANSFER_PROPERTY_LOSS.rawValue: .choice(\.loss.property),
    GST_MOTION_TRANSFER_PROPERTY_TIMESTEP_SAMPLING.rawValue: .choice(\.timestepSampling.property),
    GST_MOTION_TRANSFER_PROPERTY_INVERSION_STEPS.rawValue: .count(\.inversionSteps),
    GST_MOTION_TRANSFER_PROPERTY_DDIM_INVERSION_STEPS.rawValue: .integer(\.ddimInversionSteps),
    GST_MOTION_TRANSFER_PROPERTY_LEARNING_RATE.rawValue: .number(\.learningRate),
    GST_MOTION_TRANSFER_PROPERTY_LEARNING_CHECKPOINT.rawValue: .text(\.learningCheckpoint),
    GST_MOTION_TRANSFER_PROPERTY_GRADIENT_CHECKPOINTING.rawValue: .flag(\.gradientCheckpointing),
    GST_MOTION_TRANSFER_PROPERTY_SEED.rawValue: .large(\.seed),
    GST_MOTION_TRANSFER_PROPERTY_NUM_FRAMES.rawValue: .count(\.numFrames),
    GST_MOTION_TRANSFER_PROPERTY_CONTEXT_LENGTH.rawValue: .count(\.contextLength),
    GST_MOTION_TRANSFER_PROPERTY_CONTEXT_OVERLAP.rawValue: .integer(\.contextOverlap),
    GST_MOTION_TRANSFER_PROPERTY_WIDTH.rawValue: .count(\.width),
    GST_MOTION_TRANSFER_PROPERTY_HEIGHT.rawValue: .count(\.height),
    GST_MOTION_TRANSFER_PROPERTY_SHORT_CLIP.rawValue: .choice(\.shortClip.property),
    GST_MOTION_TRANSFER_PROPERTY_N_THREADS.rawValue: .count(\.threads),
    GST_MOTION_TRANSFER_PROPERTY_CONCURRENCY.rawValue: .count(\.concurrency),
    GST_MOTION_TRANSFER_PROPERTY_PROCESSING_LATENCY.rawValue: .large(\.processingLatency),
  ]

  /// Stores a property's value. Whether it is one that waits for the next start.
  mutating func set(_ property: UInt32, _ value: UnsafePointer<GValue>) -> Bool {
    if let field = Self.perClip[property] {
      store(value, in: field)
      return false
    }
    if let field = Self.atStart[property] { store(value, in: field) }
    return true
  }

  /// GObject has checked the value against the property's type; text that is not UTF-8 is repaired.
  private mutating func store(_ value: UnsafePointer<GValue>, in field: Field) {
    switch field {
    case .text(let path): self[keyPath: path] = g_value_get_string(value).map { String(cString: $0) }
    case .flag(let path): self[keyPath: path] = g_value_get_boolean(value) != 0
    case .count(let path): self[keyPath: path] = g_value_get_uint(value)
    case .integer(let path): self[keyPath: path] = g_value_get_int(value)
    case .large(let path): self[keyPath: path] = UInt64(g_value_get_uint64(value))
    case .number(let path): self[keyPath: path] = g_value_get_double(value)
    case .choice(let path): self[keyPath: path] = g_value_get_enum(value)
    }
  }

  /// Puts a property's value into `value`, which has the property's type already.
  func get(_ property: UInt32, into value: UnsafeMutablePointer<GValue>) {
    guard let field = Self.perClip[property] ?? Self.atStart[property] else { return }
    switch field {
    case .text(let path): g_value_set_string(value, self[keyPath: path])
    case .flag(let path): g_value_set_boolean(value, self[keyPath: path] ? 1 : 0)
    case .count(let path): g_value_set_uint(value, self[keyPath: path])
    case .integer(let path): g_value_set_int(value, self[keyPath: path])
    case .large(let path): g_value_set_uint64(value, UInt(self[keyPath: path]))
    case .number(let path): g_value_set_double(value, self[keyPath: path])
    case .choice(let path): g_value_set_enum(value, self[keyPath: path])
    }
  }

  /// These settings with what may change between clips taken from `current`.
  func updated(from current: Settings) -> Settings {
    var settings = self
    for field in Self.perClip.values { settings.copy(field, from: current) }
    return settings
  }

  private mutating func copy(_ field: Field, from other: Settings) {
    switch field {
    case .text(let path): self[keyPath: path] = other[keyPath: path]
    case .flag(let path): self[keyPath: path] = other[keyPath: path]
    case .count(let path): self[keyPath: path] = other[keyPath: path]
    case .integer(let path): self[keyPath: path] = other[keyPath: path]
    case .large(let path): self[keyPath: path] = other[keyPath: path]
    case .number(let path): self[keyPath: path] = other[keyPath: path]
    case .choice(let path): self[keyPath: path] = other[keyPath: path]
    }
  }
}

extension CaseIterable where Self: Equatable, AllCases == [Self] {
  /// The case's number in the C enumeration, which has the same order.
  fileprivate var property: Int32 {
    get { Int32(Self.allCases.firstIndex(of: self) ?? 0) }
    set { if Self.allCases.indices ~= Int(newValue) { self = Self.allCases[Int(newValue)] } }
  }
}

extension Optional where Wrapped: CaseIterable & Equatable, Wrapped.AllCases == [Wrapped] {
  /// As above, with 0 for `auto`: the model's recommendation.
  fileprivate var property: Int32 {
    get { flatMap { Wrapped.allCases.firstIndex(of: $0) }.map { Int32($0) + 1 } ?? 0 }
    set { self = Wrapped.allCases.indices ~= Int(newValue) - 1 ? Wrapped.allCases[Int(newValue) - 1] : nil }
  }
}
