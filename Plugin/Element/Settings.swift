// The element's properties as a value. Defaults come from the property specifications
// (Plugin/Shell/properties.c), which GObject hands over while it makes an element. Which property is which field
// stands in PropertyTable.swift.
import CGstMotionTransfer
import MotionTransfer

enum Mode: CaseIterable, Sendable { case auto, learn, apply }

enum ShortClip: CaseIterable, Sendable { case trim, pad, drop, error }

struct Settings: Sendable {
  // Taken at the start of each clip.
  var prompt: String?
  var negativePrompt: String?
  var referencePrompt: String?
  var debiasMode = DebiasMode.auto
  var firstFrame: FirstFrame?
  var noiseInitialization: NoiseInitialization?
  var noisePrior = -1.0
  var motionScale = -1.0
  var queryKeyScale = -1.0
  var valueScale = -1.0
  var applyFrom = -1.0
  var applyUntil = -1.0
  var loraScale = -1.0
  var appearanceHighway = HighwayPreset.none
  var highwayScale = -1.0
  var highwayLevel: String?
  var resample = false
  var scheduler: String?
  var numInferenceSteps: UInt32 = 0
  var guidanceScale = -1.0
  var guidanceRescale = -1.0
  var qos = false
  var arithmetic = Arithmetic.float32
  var convolution = ConvolutionMethod.winograd2
  var vaeTiling = false
  var feedForwardChunk: UInt32 = 0
  /// Bytes; 0: none.
  var memoryBudget: UInt64 = 0
  var previewInterval: UInt32 = 0
  // Taken when the element starts (READY to PAUSED).
  var model: String?
  var motionAdapter: String?
  var loraWeights: String?
  var adapterWeights: String?
  var v1GroupNorm = false
  var motionEmbedding: String?
  var mode = Mode.auto
  var method: MotionTransfer.Method?
  var loraRank: UInt32 = 0
  var loraTargets: LowRankTargets?
  var loraDropout = -1.0
  var motionPhrase: String?
  var priorPrompts: String?
  var priorShare = -1.0
  var sites: String?
  var embeddingDesign: EmbeddingDesign?
  var loss: Loss?
  var timestepSampling: TimestepSampling?
  var inversionSteps: UInt32 = 0
  var ddimInversionSteps: Int32 = -1
  var gradientCheckpointing = false
  var learningRate = 0.0
  var learningCheckpoint: String?
  var seed: UInt64 = 0
  var numFrames: UInt32 = 0
  var contextLength: UInt32 = 0
  var contextOverlap: Int32 = -1
  var width: UInt32 = 0
  var height: UInt32 = 0
  var shortClip = ShortClip.trim
  var threads: UInt32 = 0
  var concurrency: UInt32 = 1
  /// Nanoseconds; 0: as measured.
  var processingLatency: UInt64 = 0

  var modelSource: ModelSource { ModelSource(folder: known(model), motionAdapter: known(motionAdapter)) }
  var hasPrompt: Bool { prompt.map { !$0.isEmpty } ?? false }

  /// The engine's options for clip `clip` of a stream; what is unset stays nil: the model's recommendation.
  func options(clip: UInt64, frameRate: Double?) -> Options {
    var options = Options()
    fillLearning(&options)
    options.prompt = prompt ?? ""
    options.negativePrompt = negativePrompt ?? ""
    options.debiasMode = debiasMode
    options.firstFrame = firstFrame
    options.motionScale = known(motionScale)
    options.queryKeyScale = known(queryKeyScale)
    options.valueScale = known(valueScale)
    options.applyFrom = known(applyFrom)
    options.applyUntil = known(applyUntil)
    options.loraWeights = known(loraWeights)
    options.adapterWeights = known(adapterWeights)
    options.v1GroupNorm = v1GroupNorm
    options.loraScale = known(loraScale)
    options.appearanceHighway = appearanceHighway
    options.highwayScale = known(highwayScale)
    options.highwayLevels = known(highwayLevel)
    options.resample = resample
    options.scheduler = known(scheduler)
    options.numInferenceSteps = known(numInferenceSteps)
    options.guidanceScale = known(guidanceScale)
    options.guidanceRescale = known(guidanceRescale)
    options.noiseInitialization = noiseInitialization
    options.noisePrior = known(noisePrior)
    options.seed = seed &+ clip
    options.numFrames = known(numFrames)
    options.contextLength = known(contextLength)
    options.contextOverlap = known(contextOverlap)
    options.width = known(width)
    options.height = known(height)
    options.frameRate = frameRate
    options.arithmetic = arithmetic
    options.convolution = convolution
    options.memory.vaeTiling = vaeTiling
    options.memory.feedForwardChunk = known(feedForwardChunk)
    options.memory.gradientCheckpointing = gradientCheckpointing
    options.memory.budget = memoryBudget == 0 ? nil : Int(clamping: memoryBudget)
    return options
  }

  private func fillLearning(_ options: inout Options) {
    options.referencePrompt = referencePrompt
    options.method = method
    options.rank = known(loraRank)
    options.lowRankTargets = loraTargets
    options.dropout = known(loraDropout)
    options.motionPhrase = known(motionPhrase)
    options.priorPrompts = known(priorPrompts)
    options.priorShare = known(priorShare)
    options.sites = known(sites)
    options.embeddingDesign = embeddingDesign
    options.loss = loss
    options.timestepSampling = timestepSampling
    options.inversionSteps = known(inversionSteps)
    options.ddimInversionSteps = known(ddimInversionSteps)
    options.learningRate = learningRate > 0 ? learningRate : nil
    options.learningCheckpoint = known(learningCheckpoint)
  }

  private func known(_ value: String?) -> String? { value.flatMap { $0.isEmpty || $0 == "auto" ? nil : $0 } }
  private func known(_ value: UInt32) -> Int? { value == 0 ? nil : Int(value) }
  private func known(_ value: Int32) -> Int? { value < 0 ? nil : Int(value) }
  private func known(_ value: Double) -> Double? { value < 0 ? nil : value }
}
