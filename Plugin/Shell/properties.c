// The element's properties. Defaults stand only here: they are construct properties, so GObject hands every
// default to Swift when an element is made. 0, -1 or `auto` mean what the model recommends
// (motion_transfer.json in its folder).
#include "properties.h"
#include "gstmotiontransfer.h"

#define READY (G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
// Read at the start of each clip.
#define CLIP (G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

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

static void add_string(GObjectClass *c, guint id, GParamFlags flags, const char *name, const char *nick,
    const char *fallback, const char *blurb) {
  g_object_class_install_property(c, id, g_param_spec_string(name, nick, blurb, fallback, flags));
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
      "What the new video shows; needed unless mode=learn; taken at the start of each clip");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_NEGATIVE_PROMPT, CLIP, "negative-prompt", "Negative prompt", NULL,
      "What the new video shall not show");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_REFERENCE_PROMPT, CLIP, "reference-prompt", "Reference prompt", NULL,
      "What the input shows: its caption, used while learning (unset: the empty prompt, with a warning)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_MODEL, READY, "model", "Model", NULL,
      "Folder of a text-to-video model in the diffusers format (unset: MOTIONTRANSFER_MODEL, else the bundled model)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_MOTION_EMBEDDING, READY, "motion-embedding", "Motion embedding", NULL,
      "Motion embedding file (safetensors): read by mode=apply, written by mode=learn, either by mode=auto");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_MODE, READY, "mode", "Mode", mode_type(),
      "Whether to learn the input's motion or to apply a learned one");
}

static void install_method(GObjectClass *c) {
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_DEBIAS_MODE, CLIP, "debias-mode", "Debias mode", debias_type(),
      "How the reference's looks are taken out of the motion embedding");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_NOISE_PRIOR, CLIP, "noise-prior", "Noise prior", -1, 1,
      "Share of the reference's own inverted noise in the starting noise (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_MOTION_SCALE, CLIP, "motion-scale", "Motion scale", -1, 10,
      "Strength of the motion embedding, 1 as learned (-1: as the model recommends)");
  add_string(c, GST_MOTION_TRANSFER_PROPERTY_SITES, READY, "sites", "Sites", "auto",
      "Temporal attention blocks that learn: auto (as the model recommends), all, or block names with commas between");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_INVERSION_STEPS, READY, "inversion-steps", "Inversion steps", 100000,
      "Learning steps (0: as the model recommends)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_DDIM_INVERSION_STEPS,
      g_param_spec_int("ddim-inversion-steps", "DDIM inversion steps",
          "Steps that find the reference's own noise while learning (0: none is stored; -1: as the model recommends)",
          -1, 1000, -1, READY));
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_LEARNING_RATE, READY, "learning-rate", "Learning rate", 0, 10,
      "Learning rate of the motion embedding (0: as the model recommends)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_NUM_INFERENCE_STEPS, CLIP, "num-inference-steps", "Inference steps", 1000,
      "Denoising steps of a clip (0: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_SCALE, CLIP, "guidance-scale", "Guidance scale", -1, 100,
      "Strength of the prompt: classifier-free guidance (-1: as the model recommends)");
  add_double(c, GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_RESCALE, CLIP, "guidance-rescale", "Guidance rescale", -1, 1,
      "How far guidance is rescaled against overexposure (-1: as the model recommends)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_SEED,
      g_param_spec_uint64("seed", "Seed", "Seed of the random draws; clip k of a stream uses seed + k", 0, G_MAXUINT64,
          0, READY));
}

static void install_clips(GObjectClass *c) {
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_NUM_FRAMES, READY, "num-frames", "Frames", 256,
      "Frames of a clip (0: as the model recommends)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_WIDTH, READY, "width", "Width", 4096,
      "Width of the new video (0: as the model recommends)");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_HEIGHT, READY, "height", "Height", 4096,
      "Height of the new video (0: as the model recommends)");
  add_enum(c, GST_MOTION_TRANSFER_PROPERTY_SHORT_CLIP, READY, "short-clip", "Short clip", short_clip_type(),
      "What becomes of input that ends, or changes its format, before a clip is full");
  add_uint(c, GST_MOTION_TRANSFER_PROPERTY_N_THREADS, READY, "n-threads", "Threads", 256,
      "Threads that all elements of this process compute with (0: as it is, at first one per processor)");
  g_object_class_install_property(c, GST_MOTION_TRANSFER_PROPERTY_STATS,
      g_param_spec_boxed("stats", "Statistics",
          "Clips, frames in, out and dropped, last and mean generation time (ns), final loss", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void gst_motion_transfer_install_properties(GObjectClass *class) {
  install_texts_and_files(class);
  install_method(class);
  install_clips(class);
  gst_type_mark_as_plugin_api(mode_type(), 0);
  gst_type_mark_as_plugin_api(debias_type(), 0);
  gst_type_mark_as_plugin_api(short_clip_type(), 0);
}
