// The element's properties as a value. Defaults come from the property specifications
// (Plugin/Shell/properties.c), which GObject hands over while it makes an element.
import CGStreamer
import CGstMotionTransfer
import MotionTransfer

enum Mode: Sendable { case auto, learn, apply }

enum ShortClip: Sendable { case trim, pad, drop, error }

struct Settings: Sendable {
  // Taken at the start of each clip.
  var prompt: String?
  var negativePrompt: String?
  var referencePrompt: String?
  var debiasMode = DebiasMode.auto
  var noisePrior = -1.0
  var motionScale = -1.0
  var numInferenceSteps: UInt32 = 0
  var guidanceScale = -1.0
  var guidanceRescale = -1.0
  // Taken when the element starts (READY to PAUSED).
  var model: String?
  var motionEmbedding: String?
  var mode = Mode.auto
  var sites: String?
  var inversionSteps: UInt32 = 0
  var ddimInversionSteps: Int32 = -1
  var learningRate = 0.0
  var seed: UInt64 = 0
  var numFrames: UInt32 = 0
  var width: UInt32 = 0
  var height: UInt32 = 0
  var shortClip = ShortClip.trim
  var threads: UInt32 = 0

  /// These settings with what may change between clips taken from `current`.
  func updated(from current: Settings) -> Settings {
    var settings = self
    settings.prompt = current.prompt
    settings.negativePrompt = current.negativePrompt
    settings.referencePrompt = current.referencePrompt
    settings.debiasMode = current.debiasMode
    settings.noisePrior = current.noisePrior
    settings.motionScale = current.motionScale
    settings.numInferenceSteps = current.numInferenceSteps
    settings.guidanceScale = current.guidanceScale
    settings.guidanceRescale = current.guidanceRescale
    return settings
  }

  var hasPrompt: Bool { prompt.map { !$0.isEmpty } ?? false }

  /// The engine's options for clip `clip` of a stream; what is unset stays nil: the model's recommendation.
  func options(clip: UInt64, frameRate: Double?) -> Options {
    var options = Options()
    options.prompt = prompt ?? ""
    options.negativePrompt = negativePrompt ?? ""
    options.referencePrompt = referencePrompt
    options.debiasMode = debiasMode
    options.motionScale = known(motionScale)
    options.sites = sites.flatMap { $0.isEmpty || $0 == "auto" ? nil : $0 }
    options.inversionSteps = known(inversionSteps)
    options.ddimInversionSteps = ddimInversionSteps < 0 ? nil : Int(ddimInversionSteps)
    options.learningRate = learningRate > 0 ? learningRate : nil
    options.numInferenceSteps = known(numInferenceSteps)
    options.guidanceScale = known(guidanceScale)
    options.guidanceRescale = known(guidanceRescale)
    options.noisePrior = known(noisePrior)
    options.seed = seed &+ clip
    options.numFrames = known(numFrames)
    options.width = known(width)
    options.height = known(height)
    options.frameRate = frameRate
    return options
  }

  private func known(_ value: UInt32) -> Int? { value == 0 ? nil : Int(value) }
  private func known(_ value: Double) -> Double? { value < 0 ? nil : value }
}

extension Settings {
  /// Stores a property's value. Whether it is one that waits for the next start.
  mutating func set(_ property: GstMotionTransferProperty, _ value: UnsafePointer<GValue>) -> Bool {
    switch property {
    case GST_MOTION_TRANSFER_PROPERTY_PROMPT: prompt = text(value)
    case GST_MOTION_TRANSFER_PROPERTY_NEGATIVE_PROMPT: negativePrompt = text(value)
    case GST_MOTION_TRANSFER_PROPERTY_REFERENCE_PROMPT: referencePrompt = text(value)
    case GST_MOTION_TRANSFER_PROPERTY_DEBIAS_MODE: debiasMode = .init(property: g_value_get_enum(value))
    case GST_MOTION_TRANSFER_PROPERTY_NOISE_PRIOR: noisePrior = g_value_get_double(value)
    case GST_MOTION_TRANSFER_PROPERTY_MOTION_SCALE: motionScale = g_value_get_double(value)
    case GST_MOTION_TRANSFER_PROPERTY_NUM_INFERENCE_STEPS: numInferenceSteps = g_value_get_uint(value)
    case GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_SCALE: guidanceScale = g_value_get_double(value)
    case GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_RESCALE: guidanceRescale = g_value_get_double(value)
    default:
      setAtStart(property, value)
      return true
    }
    return false
  }

  private mutating func setAtStart(_ property: GstMotionTransferProperty, _ value: UnsafePointer<GValue>) {
    switch property {
    case GST_MOTION_TRANSFER_PROPERTY_MODEL: model = text(value)
    case GST_MOTION_TRANSFER_PROPERTY_MOTION_EMBEDDING: motionEmbedding = text(value)
    case GST_MOTION_TRANSFER_PROPERTY_MODE: mode = .init(property: g_value_get_enum(value))
    case GST_MOTION_TRANSFER_PROPERTY_SITES: sites = text(value)
    case GST_MOTION_TRANSFER_PROPERTY_INVERSION_STEPS: inversionSteps = g_value_get_uint(value)
    case GST_MOTION_TRANSFER_PROPERTY_DDIM_INVERSION_STEPS: ddimInversionSteps = g_value_get_int(value)
    case GST_MOTION_TRANSFER_PROPERTY_LEARNING_RATE: learningRate = g_value_get_double(value)
    case GST_MOTION_TRANSFER_PROPERTY_SEED: seed = UInt64(g_value_get_uint64(value))
    case GST_MOTION_TRANSFER_PROPERTY_NUM_FRAMES: numFrames = g_value_get_uint(value)
    case GST_MOTION_TRANSFER_PROPERTY_WIDTH: width = g_value_get_uint(value)
    case GST_MOTION_TRANSFER_PROPERTY_HEIGHT: height = g_value_get_uint(value)
    case GST_MOTION_TRANSFER_PROPERTY_SHORT_CLIP: shortClip = .init(property: g_value_get_enum(value))
    case GST_MOTION_TRANSFER_PROPERTY_N_THREADS: threads = g_value_get_uint(value)
    default: break
    }
  }

  /// Puts a property's value into `value`, which has the property's type already.
  func get(_ property: GstMotionTransferProperty, into value: UnsafeMutablePointer<GValue>) {
    switch property {
    case GST_MOTION_TRANSFER_PROPERTY_PROMPT: g_value_set_string(value, prompt)
    case GST_MOTION_TRANSFER_PROPERTY_NEGATIVE_PROMPT: g_value_set_string(value, negativePrompt)
    case GST_MOTION_TRANSFER_PROPERTY_REFERENCE_PROMPT: g_value_set_string(value, referencePrompt)
    case GST_MOTION_TRANSFER_PROPERTY_MODEL: g_value_set_string(value, model)
    case GST_MOTION_TRANSFER_PROPERTY_MOTION_EMBEDDING: g_value_set_string(value, motionEmbedding)
    case GST_MOTION_TRANSFER_PROPERTY_SITES: g_value_set_string(value, sites)
    case GST_MOTION_TRANSFER_PROPERTY_MODE: g_value_set_enum(value, mode.property)
    case GST_MOTION_TRANSFER_PROPERTY_DEBIAS_MODE: g_value_set_enum(value, debiasMode.property)
    case GST_MOTION_TRANSFER_PROPERTY_SHORT_CLIP: g_value_set_enum(value, shortClip.property)
    default: getNumber(property, into: value)
    }
  }

  private func getNumber(_ property: GstMotionTransferProperty, into value: UnsafeMutablePointer<GValue>) {
    switch property {
    case GST_MOTION_TRANSFER_PROPERTY_NOISE_PRIOR: g_value_set_double(value, noisePrior)
    case GST_MOTION_TRANSFER_PROPERTY_MOTION_SCALE: g_value_set_double(value, motionScale)
    case GST_MOTION_TRANSFER_PROPERTY_INVERSION_STEPS: g_value_set_uint(value, inversionSteps)
    case GST_MOTION_TRANSFER_PROPERTY_DDIM_INVERSION_STEPS: g_value_set_int(value, ddimInversionSteps)
    case GST_MOTION_TRANSFER_PROPERTY_LEARNING_RATE: g_value_set_double(value, learningRate)
    case GST_MOTION_TRANSFER_PROPERTY_NUM_INFERENCE_STEPS: g_value_set_uint(value, numInferenceSteps)
    case GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_SCALE: g_value_set_double(value, guidanceScale)
    case GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_RESCALE: g_value_set_double(value, guidanceRescale)
    case GST_MOTION_TRANSFER_PROPERTY_SEED: g_value_set_uint64(value, UInt(seed))
    case GST_MOTION_TRANSFER_PROPERTY_NUM_FRAMES: g_value_set_uint(value, numFrames)
    case GST_MOTION_TRANSFER_PROPERTY_WIDTH: g_value_set_uint(value, width)
    case GST_MOTION_TRANSFER_PROPERTY_HEIGHT: g_value_set_uint(value, height)
    case GST_MOTION_TRANSFER_PROPERTY_N_THREADS: g_value_set_uint(value, threads)
    default: break
    }
  }
}

/// GObject has checked the value against the property's type; bytes that are not UTF-8 are repaired.
private func text(_ value: UnsafePointer<GValue>) -> String? {
  g_value_get_string(value).map { String(cString: $0) }
}

// The order of the cases is that of the C enumerations.

extension Mode {
  private static let order: [Mode] = [.auto, .learn, .apply]
  init(property: Int32) { self = Mode.order.indices ~= Int(property) ? Mode.order[Int(property)] : .auto }
  var property: Int32 { Int32(Mode.order.firstIndex(of: self) ?? 0) }
}

extension ShortClip {
  private static let order: [ShortClip] = [.trim, .pad, .drop, .error]
  init(property: Int32) {
    self = ShortClip.order.indices ~= Int(property) ? ShortClip.order[Int(property)] : .trim
  }
  var property: Int32 { Int32(ShortClip.order.firstIndex(of: self) ?? 0) }
}

extension DebiasMode {
  private static let order: [DebiasMode] = [.auto, .difference, .normalize, .none, .camera]
  init(property: Int32) {
    self = DebiasMode.order.indices ~= Int(property) ? DebiasMode.order[Int(property)] : .auto
  }
  var property: Int32 { Int32(DebiasMode.order.firstIndex(of: self) ?? 0) }
}
