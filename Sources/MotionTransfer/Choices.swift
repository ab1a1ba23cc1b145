// Options that are a choice among names. The names are those of the command line, the element and motion_transfer.json.

/// How a motion embedding's values are cleaned of the reference's appearance before they are applied.
public enum DebiasMode: String, CaseIterable, Sendable {
  /// The model's recommendation.
  case auto
  /// Differences of neighbouring frames (Motion Inversion, eq. 5); see `FirstFrame` for the first.
  case difference
  /// The mean over all frames is subtracted (the paper's ablation "normalize").
  case normalize
  /// The values as they were learned.
  case none
  /// No values at all, only queries and keys: for camera motion.
  case camera
}

/// What debiasing by differences does to the first frame, which has no frame before it.
public enum FirstFrame: String, CaseIterable, Sendable {
  /// It stays as it was learned, appearance and all (eq. 5 as printed and as published).
  case kept
  /// It becomes zero: only differences are left.
  case zeroed
  /// The mean over all frames is subtracted from it.
  case meanSubtracted = "mean-subtracted"
}

/// What learning minimises.
public enum Loss: String, CaseIterable, Sendable {
  /// The mean squared error of the prediction (Motion Inversion, eq. 4).
  case base
  /// `base` plus the same error after a random frame was subtracted from all (MotionDirector's debiased temporal loss).
  case debiased
  /// 1 - cosine between the frame-to-frame differences of prediction and target, each difference one vector (VMC, eq. 17).
  case vmcPaper = "vmc-paper"
  /// 1 - cosine over the frame axis of the differences' absolute values, at every pixel (VMC's published code).
  case vmcCode = "vmc-code"
  /// `debiased`, while low-rank additions to the spatial transformers take up the appearance (MotionDirector's dual path).
  case hybrid
}

/// Where the noise that denoising starts from comes from: fresh noise n and the reference's inverted noise z.
public enum NoiseInitialization: String, CaseIterable, Sendable {
  /// n
  case random
  /// sqrt(p) z + sqrt(1 - p) n, p being the noise prior.
  case blend
  /// The low band of z and the high band of n (DMT).
  case frequency
  /// The low band of z, and a blend of the high bands of z and n.
  case blendedFrequency = "blended-frequency"
  /// The low frequencies of z in space and time and the high ones of n (FreeInit's mix, Gaussian, 0.25).
  case fft
}

/// Whether an embedding has one row for all pixels (1d) or one for each (2d): first queries and keys, then values.
public enum EmbeddingDesign: String, CaseIterable, Sendable {
  /// Time signals only (the paper's variant a).
  case oneOne = "1d-1d"
  /// Variant b.
  case twoOne = "2d-1d"
  /// The method: one time signal for queries and keys, values for each pixel (variant c).
  case oneTwo = "1d-2d"
  /// Variant d.
  case twoTwo = "2d-2d"

  var spatialQueryKey: Bool { self == .twoOne || self == .twoTwo }
  var spatialValue: Bool { self == .oneTwo || self == .twoTwo }
}

/// How learning draws its time steps.
public enum TimestepSampling: String, CaseIterable, Sendable {
  /// All alike.
  case uniform
  /// High noise more often, where motion is decided: t = (1 - u³) T for a uniform u (T2I-Adapter, Mou et al. 2023).
  case cubic
}

/// How motion is learned.
public enum Method: String, CaseIterable, Sendable {
  /// Embeddings in temporal attentions (Wang et al. 2025).
  case motionInversion = "motion-inversion"
  /// Low-rank additions to all linear maps of the temporal transformers (MotionDirector, Zhao et al. 2024).
  case motionDirector = "motion-director"
  /// Low-rank additions to keys alone, so that values keep the model's own looks (TAP, Liu et al. 2025).
  case tap
  /// Queries, keys and values of the temporal attentions as a whole (VMC, Jeong et al. 2024).
  case vmc
  /// Additions to the prompt's encoding, one set for the motion's words and one for all others, and low-rank additions to
  /// temporal attentions (SynMotion, Tan et al. 2025).
  case synMotion = "syn-motion"
}

/// Which linear maps of the temporal transformers carry low-rank additions.
public enum LowRankTargets: String, CaseIterable, Sendable {
  /// Queries, keys, values and outputs of both attentions, and the feed-forward: MotionDirector.
  case all
  /// Keys: TAP as its paper says.
  case key = "k"
  /// Keys and outputs: TAP as its published code does.
  case keyOutput = "k+out"
  /// Queries and keys.
  case queryKey = "qk"
  /// Queries, keys and values: SynMotion.
  case queryKeyValue = "qkv"
}

/// Skip connections that start at the spatial transformers (AH, Liu et al. 2025).
public enum HighwayPreset: String, CaseIterable, Sendable {
  /// The model's own skips.
  case none
  /// Every skip behind a spatial transformer, as the paper says; these are scaled.
  case paper
  /// Those of the deepest level with attention, as the published code does; it scales every skip that an up block with
  /// attention joins to as many channels as that level has.
  case reference
}
