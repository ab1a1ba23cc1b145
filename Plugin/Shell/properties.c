// The element's properties. Defaults stand only here: they are construct properties, so GObject hands every
// default to Swift when an element is made. 0, -1 or `auto` mean what the model recommends
// (motion_transfer.json in its folder).
#include "properties.h"
#include "gstmotiontransfer.h"

#define READY (G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
// Read at the start of each clip.
#define CLIP (G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)
// The same, and a GstController may drive it: synchronised to the stream time of the clip's first frame.
#define CONTROLLED (CLIP | GST_PARAM_CONTROLLABLE)

#define ENUM_TYPE(function, name, ...)                                \
  static GType function(void) {                                       \
    static gsize type = 0;                                            \
    static const GEnumValue values[] = {__VA_ARGS__, {0, NULL, NULL}}; \
    if (g_once_init_enter(&type)) {                                   \
      GType made = g_enum_register_static(name, values);              \
      g_once_init_leave(&type, made);                                 \
    }                                                                 \
    return type;                                                      \
  }

#define AUTO {0, "What the model recommends", "auto"}

ENUM_TYPE(mode_type, "GstMotionTransferMode",
    {GST_MOTION_TRANSFER_MODE_AUTO, "Apply the embedding file when it exists; else learn from the first clip, "
        "save it if a file is named, and apply it to every clip", "auto"},
    {GST_MOTION_TRANSFER_MODE_LEARN, "Learn from the first clip, write the file, pass the input through", "learn"},
    {GST_MOTION_TRANSFER_MODE_APPLY, "Apply the embedding file; the input gives only the timing", "apply"})

ENUM_TYPE(debias_type, "GstMotionTransferDebias",
    {GST_MOTION_TRANSFER_DEBIAS_AUTO, "What the model recommends", "auto"},
    {GST_MOTION_TRANSFER_DEBIAS_DIFFERENCE, "Differences of adjacent frames (Motion Inversion, equation 5)",
        "difference"},
    {GST_MOTION_TRANSFER_DEBIAS_NORMALIZE, "Subtract the mean over the frames", "normalize"},
    {GST_MOTION_TRANSFER_DEBIAS_NONE, "The embedding as it was learned: keeps more of the reference's looks", "none"},
    {GST_MOTION_TRANSFER_DEBIAS_CAMERA, "Drop the spatial part, keep what all places share: the motion of the camera",
        "camera"})

ENUM_TYPE(short_clip_type, "GstMotionTransferShortClip",
    {GST_MOTION_TRANSFER_SHORT_CLIP_TRIM, "As many frames out as came in", "trim"},
    {GST_MOTION_TRANSFER_SHORT_CLIP_PAD, "A whole clip: the last frame is repeated", "pad"},
    {GST_MOTION_TRANSFER_SHORT_CLIP_DROP, "Nothing: the frames are dropped", "drop"},
    {GST_MOTION_TRANSFER_SHORT_CLIP_ERROR, "An error", "error"})

ENUM_TYPE(first_frame_type, "GstMotionTransferFirstFrame", AUTO,
    {1, "It stays as it was learned", "kept"}, {2, "It becomes zero: only differences are left", "zeroed"},
    {3, "The mean over the frames is subtracted from it", "mean-subtracted"})

ENUM_TYPE(noise_initialization_type, "GstMotionTransferNoiseInitialization", AUTO,
    {1, "Fresh noise", "random"}, {2, "Inverted and fresh noise, blended by noise-prior", "blend"},
    {3, "The low band of the inverted noise, the high band of fresh noise (DMT)", "frequency"},
    {4, "The low band of the inverted noise, a blend of both high bands", "blended-frequency"},
    {5, "The low frequencies of the inverted noise in space and time (FreeInit's mix)", "fft"})

ENUM_TYPE(embedding_design_type, "GstMotionTransferEmbeddingDesign", AUTO,
    {1, "Time signals only", "1d-1d"}, {2, "Queries and keys for each pixel", "2d-1d"},
    {3, "Values for each pixel: the method", "1d-2d"}, {4, "Both for each pixel", "2d-2d"})

ENUM_TYPE(loss_type, "GstMotionTransferLoss", AUTO,
    {1, "Mean squared error of the prediction (Motion Inversion, equation 4)", "base"},
    {2, "The same, and again without a random frame (MotionDirector)", "debiased"},
    {3, "Direction of the differences between frames (VMC, equation 17)", "vmc-paper"},
    {4, "The same as VMC's published code has it", "vmc-code"},
    {5, "debiased, while low-rank additions that are thrown away take up the looks (MotionDirector)", "hybrid"})

ENUM_TYPE(method_type, "GstMotionTransferMethod", AUTO,
    {1, "Embeddings in temporal attentions (Motion Inversion)", "motion-inversion"},
    {2, "Low-rank additions to the temporal transformers (MotionDirector)", "motion-director"},
    {3, "Low-rank additions to their keys alone (TAP)", "tap"},
    {4, "Queries, keys and values of temporal attentions as a whole (VMC)", "vmc"},
    {5, "Additions to the prompt's encoding and to temporal attentions (SynMotion)", "syn-motion"})

ENUM_TYPE(lora_targets_type, "GstMotionTransferLoraTargets", AUTO,
    {1, "Queries, keys, values, outputs and feed-forward (MotionDirector)", "all"},
    {2, "Keys (TAP as its paper says)", "k"}, {3, "Keys and outputs (TAP as its code does)", "k+out"},
    {4, "Queries and keys", "qk"}, {5, "Queries, keys and values (SynMotion)", "qkv"})

ENUM_TYPE(highway_type, "GstMotionTransferHighway",
    {0, "The model's own skips", "none"}, {1, "Every skip behind a spatial transformer, as the paper says", "paper"},
    {2, "Those of the deepest level with attention, as the published code does", "reference"})

ENUM_TYPE(timestep_sampling_type, "GstMotionTransferTimestepSampling", AUTO,
    {1, "All alike", "uniform"}, {2, "High noise more often, where motion is decided", "cubic"})

ENUM_TYPE(arithmetic_type, "GstMotionTransferArithmetic",
    {0, "float32 throughout", "float32"},
    {1, "Linear layers and convolutions round to bfloat16 and sum in float32: faster with AVX-512 BF16 only", "bfloat16"})

ENUM_TYPE(convolution_type, "GstMotionTransferConvolution",
    {0, "Sums of products as written", "direct"},
    {1, "Winograd's F(2x2, 3x3), over time F(2, 3): fewer multiplications, as exact", "winograd2"},
    {2, "F(4x4, 3x3) where frames are large: fewer still, a digit less exact", "winograd4"})

static void add_string(GObjectClass *c, guint id, GParamFlags flags, const char *name, const char *nick,
    const char *fallback, const char *blurb) {
  g_object_class_install_property(c, id, g_param_spec_string(name, nick, blurb, fallback, flags));
}

static void add_flag(GObjectClass *c, guint id, GParamFlags flags, const char *name, const char *nick,
    const char *blurb) {
  g_object_class_install_property(c, id, g_param_spec_boolean(name, nick, blurb, FALSE, flags));
}

static void add_uint(GObjectClass *c, guint id, GParamFlags flags, const char *name, const char *nick, guint most,
    const char *blurb) {
  g_object_class_install_property(c, id, g_param_spec_uint(name, nick, blurb, 0, most, 0, flags));
}

static void add_double(GObjectClass *c, guint id, GParamFlags flags, const char *name, const char *nick, double least,
    double most, const char *blurb) {
  // `least` is both the lowest value and the default: the one that stands for "as the model recommends".
  g_object_class_install_property(c, id, g_param_spec_double(name, nick, blurb, least, most, least, flags));
}

static void add_enum(GObjectClass *c, guint id, GParamFlags flags, const char *name, const char *nick, GType type,
    const char *blurb) {
  g_object_class_install_property(c, id, g_param_spec_enum(name, nick, blurb, type, 0, flags));
}

static void install_texts_and_files(GObjectClass *c) {
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_PROMPT, CLIP, "prompt", "Prompt", NULL,
      "What the new video shows; taken at the start of each clip");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_NEGATIVE_PROMPT, CLIP, "negative-prompt", "Negative prompt", NULL,
      "What the new video shall not show");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_MODEL, READY, "model", "Model", NULL,
      "Folder of a text-to-video model in the diffusers format (unset: MOTIONTRANSFER_MODEL, else the bundled model)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_MOTION_ADAPTER, READY, "motion-adapter", "Motion adapter", NULL,
      "Folder or file of AnimateDiff's motion modules, which make a model of pictures one of clips");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_LORA_WEIGHTS, READY, "lora-weights", "LoRA weights", NULL,
      "Files of low-rank additions to the model itself, such as AnimateDiff's domain adapter, with commas between");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_ADAPTER_WEIGHTS, READY, "adapter-weights", "Adapter weights", NULL,
      "Strength of each of lora-weights, with commas between (unset: 1)");
  add_flag(c, GST_MOTION_TRANSFER_PROPERTY_V1_GROUP_NORM, READY, "v1-group-norm", "Version 1 group norm",
      "Normalise ResNets over all frames, as AnimateDiff's own code does for its version 1");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_MOTION_EMBEDDING, READY, "motion-embedding", "Motion embedding", NULL,
      "Motion embedding file (safetensors): read where it is applied, written where it is learned");
}

static void install_sampling(GObjectClass *c) {
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_DEBIAS_MODE, CONTROLLED, "debias-mode", "Debias mode", debias_type(),
      "How the reference's looks are taken out of the motion embedding");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_FIRST_FRAME, CONTROLLED, "first-frame", "First frame", first_frame_type(),
      "What debias-mode=difference does to the first frame, which has none before it");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_NOISE_INITIALIZATION, CONTROLLED, "noise-initialization",
      "Noise initialization", noise_initialization_type(), "What noise denoising starts from");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_NOISE_PRIOR, CONTROLLED, "noise-prior", "Noise prior", -1, 1,
      "Share of the reference's own inverted noise in the starting noise (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_MOTION_SCALE, CONTROLLED, "motion-scale", "Motion scale", -1, 10,
      "Strength of the motion embedding, 1 as learned (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_QUERY_KEY_SCALE, CONTROLLED, "query-key-scale", "Query and key scale", -1, 10,
      "Strength of the motion embedding in queries and keys (-1: motion-scale)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_VALUE_SCALE, CONTROLLED, "value-scale", "Value scale", -1, 10,
      "Strength of the motion embedding in values (-1: motion-scale)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_APPLY_FROM, CONTROLLED, "apply-from", "Apply from", -1, 1,
      "Share of the denoising steps after which the embedding begins to act (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_APPLY_UNTIL, CONTROLLED, "apply-until", "Apply until", -1, 1,
      "Share of the denoising steps after which the embedding acts no more (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_LORA_SCALE, CONTROLLED, "lora-scale", "LoRA scale", -1, 10,
      "Strength of low-rank additions and weight differences (-1: 1, as learned)");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_APPEARANCE_HIGHWAY, CONTROLLED, "appearance-highway", "Appearance highway",
      highway_type(), "Skip connections that pass the temporal layers by, so that the prompt's looks flow freely");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_HIGHWAY_SCALE, CONTROLLED, "highway-scale", "Highway scale", -1, 10,
      "What those skip connections are multiplied by (-1: 1.1)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_HIGHWAY_LEVEL, CLIP, "highway-level", "Highway levels", NULL,
      "Levels whose skips are rewired, 0 being the largest picture, with commas between (unset: the preset's)");
  add_flag(c, GST_MOTION_TRANSFER_PROPERTY_RESAMPLE, CLIP, "resample", "Resample",
      "Take an embedding of another size or length, interpolated; else it is an error");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_SCHEDULER, CLIP, "scheduler", "Scheduler", "auto",
      "Sampler: auto (the model's own), ddim, euler ...; a wrong name's error lists them all");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_NUM_INFERENCE_STEPS, CONTROLLED, "num-inference-steps", "Inference steps",
      1000, "Denoising steps of a clip (0: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_SCALE, CONTROLLED, "guidance-scale", "Guidance scale", -1, 100,
      "Strength of the prompt: classifier-free guidance (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_RESCALE, CONTROLLED, "guidance-rescale", "Guidance rescale", -1,
      1, "How far guidance is rescaled against overexposure (-1: as the model recommends)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_SEED,
      g_param_spec_uint64("seed", "Seed", "Seed of the random draws; clip k of a stream uses seed + k", 0, G_MAXUINT64,
          0, READY));
}

static void install_clips(GObjectClass *c) {
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_NUM_FRAMES, READY, "num-frames", "Frames", 10000,
      "Frames of a clip (0: as the model recommends)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_CONTEXT_LENGTH, READY, "context-length", "Context length", 256,
      "Frames that the model sees at once, for longer clips: overlapping windows (0: all)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_CONTEXT_OVERLAP,
      g_param_spec_int("context-overlap", "Context overlap",
          "Frames that neighbouring windows share (-1: half of context-length)", -1, 255, -1, READY));
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_WIDTH, READY, "width", "Width", 4096,
      "Width of the new video (0: as the model recommends)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_HEIGHT, READY, "height", "Height", 4096,
      "Height of the new video (0: as the model recommends)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_PREVIEW_INTERVAL, CLIP, "preview-interval", "Preview interval", 1000,
      "Denoising steps between two messages that carry a preview of the running clip (0: none)");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_ARITHMETIC, CLIP, "arithmetic", "Arithmetic", arithmetic_type(),
      "What linear layers and convolutions are computed with");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_CONVOLUTION,
      g_param_spec_enum("convolution", "Convolution", "How 3x3 convolutions and those over time are computed", convolution_type(), 1, CLIP));
  add_flag(c, GST_MOTION_TRANSFER_PROPERTY_VAE_TILING, CLIP, "vae-tiling", "Tiled autoencoder",
      "Code frames larger than the autoencoder's training size in overlapping tiles: less memory, slightly other frames");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_FEED_FORWARD_CHUNK, CLIP, "feed-forward-chunk", "Feed-forward chunk", G_MAXINT32,
      "Most tokens that a feed-forward layer holds at a time: less memory, the same result (0: all)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_MEMORY_BUDGET,
      g_param_spec_uint64("memory-budget", "Memory budget",
          "Bytes that the model and one clip may take: memory options are switched on as far as it asks for it (0: no budget)",
          0, G_MAXINT64, 0, CLIP));
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_N_THREADS, READY, "n-threads", "Threads", 256,
      "Threads that all elements of this process compute with (0: as it is, at first one per processor)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_STATS,
      g_param_spec_boxed("stats", "Statistics",
          "Clips, frames in, out and dropped, last and mean generation time (ns), final loss", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void install_learning(GObjectClass *c) {
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_MODE, READY, "mode", "Mode", mode_type(),
      "Whether to learn the input's motion or to apply a learned one");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_REFERENCE_PROMPT, CLIP, "reference-prompt", "Reference prompt", NULL,
      "What the input shows: its caption, used while learning (unset: the empty prompt, with a warning)");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_METHOD, READY, "method", "Method", method_type(),
      "How motion is learned (auto: motion-inversion)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_LORA_RANK, READY, "lora-rank", "LoRA rank", 1024,
      "Rank of low-rank additions: methods motion-director, tap and syn-motion (0: 32)");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_LORA_TARGETS, READY, "lora-targets", "LoRA targets", lora_targets_type(),
      "Which linear maps carry low-rank additions (auto: all for motion-director, k for tap, qkv for syn-motion)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_LORA_DROPOUT, READY, "lora-dropout", "LoRA dropout", -1, 0.9,
      "Share of a low-rank addition that a learning step drops (-1: 0.1, for syn-motion 0)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_MOTION_PHRASE, READY, "motion-phrase", "Motion phrase", NULL,
      "Words of reference-prompt that name its motion: method syn-motion");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_PRIOR_PROMPTS, READY, "prior-prompts", "Prior prompts", NULL,
      "Prompts of clips that the model makes itself, such as \"a cat, running; a dog, jumping\": method syn-motion (unset: the model's)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_PRIOR_SHARE, READY, "prior-share", "Prior share", -1, 1,
      "Share of the learning steps that see such a clip: method syn-motion (-1: 0.25)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_SITES, READY, "sites", "Sites", "auto",
      "Temporal attention blocks that learn: auto (as the model recommends), all, or block names with commas between");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_EMBEDDING_DESIGN, READY, "embedding-design", "Embedding design",
      embedding_design_type(), "Whether the embedding has one row for all pixels or one for each");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_LOSS, READY, "loss", "Loss", loss_type(), "What learning minimises");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_TIMESTEP_SAMPLING, READY, "timestep-sampling", "Time step sampling",
      timestep_sampling_type(), "How learning draws its time steps");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_INVERSION_STEPS, READY, "inversion-steps", "Inversion steps", 100000,
      "Learning steps (0: as the model recommends, or the method's authors)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_DDIM_INVERSION_STEPS,
      g_param_spec_int("ddim-inversion-steps", "DDIM inversion steps",
          "Steps that find the reference's own noise while learning (0: none is stored; -1: as the model recommends)",
          -1, 1000, -1, READY));
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_LEARNING_RATE, READY, "learning-rate", "Learning rate", 0, 10,
      "Learning rate (0: as the model recommends, or the method's authors)");
  add_flag(c, GST_MOTION_TRANSFER_PROPERTY_GRADIENT_CHECKPOINTING, READY, "gradient-checkpointing",
      "Gradient checkpointing", "Compute each block again for its gradient while learning: less memory, a third more time");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_LEARNING_CHECKPOINT, READY, "learning-checkpoint", "Learning checkpoint", NULL,
      "File that learning's state is written to every half minute; a learning that was killed goes on from it");
}

static void install_input(GObjectClass *c) {
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_SHORT_CLIP, READY, "short-clip", "Short clip", short_clip_type(),
      "What becomes of input that ends, or changes its format, before a clip is full");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_CONCURRENCY,
      g_param_spec_uint("concurrency", "Concurrency",
          "Clips that are computed at the same time, each with its own memory; the first one, which may learn, goes alone",
          1, 64, 1, READY));
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_PROCESSING_LATENCY,
      g_param_spec_uint64("processing-latency", "Processing latency",
          "Time that a clip's computation is expected to take, for live pipelines (ns; 0: what the last clip took)", 0,
          G_MAXINT64, 0, READY));
  add_flag(c, GST_MOTION_TRANSFER_PROPERTY_QOS, CLIP, "qos", "QoS",
      "Leave out clips that would be too late to be shown, as downstream's QoS events tell");
}

void gst_motion_transfer_install_properties(GObjectClass *class, gboolean takes_video) {
  install_texts_and_files(class);
  install_sampling(class);
  install_clips(class);
  gst_type_mark_as_plugin_api(debias_type(), 0);
  gst_type_mark_as_plugin_api(first_frame_type(), 0);
  gst_type_mark_as_plugin_api(noise_initialization_type(), 0);
  gst_type_mark_as_plugin_api(highway_type(), 0);
  gst_type_mark_as_plugin_api(arithmetic_type(), 0);
  gst_type_mark_as_plugin_api(convolution_type(), 0);
  if (!takes_video) return;
  install_learning(class);
  install_input(class);
  gst_type_mark_as_plugin_api(mode_type(), 0);
  gst_type_mark_as_plugin_api(short_clip_type(), 0);
  gst_type_mark_as_plugin_api(embedding_design_type(), 0);
  gst_type_mark_as_plugin_api(loss_type(), 0);
  gst_type_mark_as_plugin_api(timestep_sampling_type(), 0);
  gst_type_mark_as_plugin_api(method_type(), 0);
  gst_type_mark_as_plugin_api(lora_targets_type(), 0);
}
