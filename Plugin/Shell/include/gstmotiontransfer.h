// The C side of the element: its type, its properties, and the functions that Swift implements for it.
//
// GObject is macros, static strings and function tables, which C states best; everything that the element
// *does* is Swift (Plugin/Element). This header is the whole border between the two.
#ifndef GST_MOTION_TRANSFER_H
#define GST_MOTION_TRANSFER_H

#include <gst/base/gstpushsrc.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/// What both elements give, at `least` frames a second or more.
#define GST_MOTION_TRANSFER_RGB_CAPS(least)                                                           \
  "video/x-raw, format = (string) RGB, width = (int) [ 8, 4096 ], height = (int) [ 8, 4096 ], "       \
  "framerate = (fraction) [ " least ", 2147483647/1 ]"

typedef struct _GstMotionTransfer GstMotionTransfer;
typedef struct _GstMotionTransferClass GstMotionTransferClass;

/// One element. `behaviour` is the retained Swift object that all calls below are made on.
struct _GstMotionTransfer {
  GstElement parent;
  GstPad *sinkpad;
  GstPad *srcpad;
  /// NULL until requested.
  GstPad *textpad;
  gpointer behaviour;
};

struct _GstMotionTransferClass {
  GstElementClass parent_class;
};

typedef struct _GstMotionGenerateSrc GstMotionGenerateSrc;
typedef struct _GstMotionGenerateSrcClass GstMotionGenerateSrcClass;

/// One source element. `source` is its retained Swift object.
struct _GstMotionGenerateSrc {
  GstPushSrc parent;
  gpointer source;
};

struct _GstMotionGenerateSrcClass {
  GstPushSrcClass parent_class;
};

typedef enum {
  GST_MOTION_TRANSFER_MODE_AUTO,
  GST_MOTION_TRANSFER_MODE_LEARN,
  GST_MOTION_TRANSFER_MODE_APPLY,
} GstMotionTransferMode;

typedef enum {
  GST_MOTION_TRANSFER_DEBIAS_AUTO,
  GST_MOTION_TRANSFER_DEBIAS_DIFFERENCE,
  GST_MOTION_TRANSFER_DEBIAS_NORMALIZE,
  GST_MOTION_TRANSFER_DEBIAS_NONE,
  GST_MOTION_TRANSFER_DEBIAS_CAMERA,
} GstMotionTransferDebias;

typedef enum {
  GST_MOTION_TRANSFER_SHORT_CLIP_TRIM,
  GST_MOTION_TRANSFER_SHORT_CLIP_PAD,
  GST_MOTION_TRANSFER_SHORT_CLIP_DROP,
  GST_MOTION_TRANSFER_SHORT_CLIP_ERROR,
} GstMotionTransferShortClip;

typedef enum {
  GST_MOTION_TRANSFER_PROPERTY_PROMPT = 1,
  GST_MOTION_TRANSFER_PROPERTY_NEGATIVE_PROMPT,
  GST_MOTION_TRANSFER_PROPERTY_REFERENCE_PROMPT,
  GST_MOTION_TRANSFER_PROPERTY_MODEL,
  GST_MOTION_TRANSFER_PROPERTY_MOTION_EMBEDDING,
  GST_MOTION_TRANSFER_PROPERTY_MODE,
  GST_MOTION_TRANSFER_PROPERTY_DEBIAS_MODE,
  GST_MOTION_TRANSFER_PROPERTY_NOISE_PRIOR,
  GST_MOTION_TRANSFER_PROPERTY_MOTION_SCALE,
  GST_MOTION_TRANSFER_PROPERTY_SITES,
  GST_MOTION_TRANSFER_PROPERTY_INVERSION_STEPS,
  GST_MOTION_TRANSFER_PROPERTY_DDIM_INVERSION_STEPS,
  GST_MOTION_TRANSFER_PROPERTY_LEARNING_RATE,
  GST_MOTION_TRANSFER_PROPERTY_NUM_INFERENCE_STEPS,
  GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_SCALE,
  GST_MOTION_TRANSFER_PROPERTY_GUIDANCE_RESCALE,
  GST_MOTION_TRANSFER_PROPERTY_SEED,
  GST_MOTION_TRANSFER_PROPERTY_NUM_FRAMES,
  GST_MOTION_TRANSFER_PROPERTY_WIDTH,
  GST_MOTION_TRANSFER_PROPERTY_HEIGHT,
  GST_MOTION_TRANSFER_PROPERTY_SHORT_CLIP,
  GST_MOTION_TRANSFER_PROPERTY_N_THREADS,
  GST_MOTION_TRANSFER_PROPERTY_CONCURRENCY,
  GST_MOTION_TRANSFER_PROPERTY_PROCESSING_LATENCY,
  GST_MOTION_TRANSFER_PROPERTY_QOS,
  GST_MOTION_TRANSFER_PROPERTY_LEARNING_CHECKPOINT,
  GST_MOTION_TRANSFER_PROPERTY_PREVIEW_INTERVAL,
  GST_MOTION_TRANSFER_PROPERTY_MOTION_ADAPTER,
  GST_MOTION_TRANSFER_PROPERTY_VAE_TILING,
  GST_MOTION_TRANSFER_PROPERTY_FEED_FORWARD_CHUNK,
  GST_MOTION_TRANSFER_PROPERTY_GRADIENT_CHECKPOINTING,
  GST_MOTION_TRANSFER_PROPERTY_FIRST_FRAME,
  GST_MOTION_TRANSFER_PROPERTY_QUERY_KEY_SCALE,
  GST_MOTION_TRANSFER_PROPERTY_VALUE_SCALE,
  GST_MOTION_TRANSFER_PROPERTY_APPLY_FROM,
  GST_MOTION_TRANSFER_PROPERTY_APPLY_UNTIL,
  GST_MOTION_TRANSFER_PROPERTY_RESAMPLE,
  GST_MOTION_TRANSFER_PROPERTY_NOISE_INITIALIZATION,
  GST_MOTION_TRANSFER_PROPERTY_SCHEDULER,
  GST_MOTION_TRANSFER_PROPERTY_EMBEDDING_DESIGN,
  GST_MOTION_TRANSFER_PROPERTY_LOSS,
  GST_MOTION_TRANSFER_PROPERTY_TIMESTEP_SAMPLING,
  GST_MOTION_TRANSFER_PROPERTY_METHOD,
  GST_MOTION_TRANSFER_PROPERTY_LORA_RANK,
  GST_MOTION_TRANSFER_PROPERTY_LORA_TARGETS,
  GST_MOTION_TRANSFER_PROPERTY_LORA_DROPOUT,
  GST_MOTION_TRANSFER_PROPERTY_MOTION_PHRASE,
  GST_MOTION_TRANSFER_PROPERTY_PRIOR_PROMPTS,
  GST_MOTION_TRANSFER_PROPERTY_PRIOR_SHARE,
  GST_MOTION_TRANSFER_PROPERTY_LORA_SCALE,
  GST_MOTION_TRANSFER_PROPERTY_APPEARANCE_HIGHWAY,
  GST_MOTION_TRANSFER_PROPERTY_HIGHWAY_SCALE,
  GST_MOTION_TRANSFER_PROPERTY_HIGHWAY_LEVEL,
  GST_MOTION_TRANSFER_PROPERTY_CONTEXT_LENGTH,
  GST_MOTION_TRANSFER_PROPERTY_CONTEXT_OVERLAP,
  GST_MOTION_TRANSFER_PROPERTY_LORA_WEIGHTS,
  GST_MOTION_TRANSFER_PROPERTY_ADAPTER_WEIGHTS,
  GST_MOTION_TRANSFER_PROPERTY_V1_GROUP_NORM,
  GST_MOTION_TRANSFER_PROPERTY_ARITHMETIC,
  GST_MOTION_TRANSFER_PROPERTY_CONVOLUTION,
  GST_MOTION_TRANSFER_PROPERTY_MEMORY_BUDGET,
  GST_MOTION_TRANSFER_PROPERTY_STATS,
} GstMotionTransferProperty;

GType gst_motion_transfer_get_type(void);
GType gst_motion_generate_src_get_type(void);
/// Registers both elements with a plugin, or with the process when `plugin` is NULL (tests).
gboolean gst_motion_transfer_register(GstPlugin *plugin);

/// Whether `level` is logged for the category `motiontransfer`: ask before making the text.
gboolean gst_motion_transfer_logs(GstDebugLevel level);
void gst_motion_transfer_log(gpointer object, GstDebugLevel level, const char *file, const char *function, gint line,
    const char *text);

// Implemented in Plugin/Element/EntryPoints.swift.

/// Makes the Swift object of a new element; its result becomes `behaviour`, given back by `_behaviour_free`.
gpointer gst_motion_transfer_behaviour_new(GstMotionTransfer *element);
void gst_motion_transfer_behaviour_free(gpointer behaviour);
void gst_motion_transfer_set_property(gpointer behaviour, guint property, const GValue *value);
void gst_motion_transfer_get_property(gpointer behaviour, guint property, GValue *value);
/// Before GstElement's own change_state: FALSE (an error was posted) refuses the change.
gboolean gst_motion_transfer_before_state_change(gpointer behaviour, GstStateChange change);
/// After GstElement's own change_state; `result` is what that gave.
void gst_motion_transfer_after_state_change(gpointer behaviour, GstStateChange change, GstStateChangeReturn result);
/// Takes `buffer`.
GstFlowReturn gst_motion_transfer_chain(gpointer behaviour, GstBuffer *buffer);
/// Both take `event`.
gboolean gst_motion_transfer_sink_event(gpointer behaviour, GstEvent *event);
gboolean gst_motion_transfer_src_event(gpointer behaviour, GstEvent *event);
gboolean gst_motion_transfer_sink_query(gpointer behaviour, GstQuery *query);
/// The text pad was linked or unlinked.
void gst_motion_transfer_text_linked(gpointer behaviour, gboolean linked);
/// Takes `buffer`.
GstFlowReturn gst_motion_transfer_text_chain(gpointer behaviour, GstBuffer *buffer);
/// Takes `event`.
gboolean gst_motion_transfer_text_event(gpointer behaviour, GstEvent *event);
gboolean gst_motion_transfer_src_query(gpointer behaviour, GstQuery *query);

// Implemented in Plugin/Element/SourceEntryPoints.swift.

gpointer gst_motion_generate_src_new(GstMotionGenerateSrc *element);
void gst_motion_generate_src_free(gpointer source);
void gst_motion_generate_src_set_property(gpointer source, guint property, const GValue *value);
void gst_motion_generate_src_get_property(gpointer source, guint property, GValue *value);
gboolean gst_motion_generate_src_start(gpointer source);
gboolean gst_motion_generate_src_stop(gpointer source);
/// TRUE ends a running computation and refuses new ones until FALSE comes.
gboolean gst_motion_generate_src_unlock(gpointer source, gboolean locked_out);
/// Where the next frame comes from; may move `segment` to a clip's start.
gboolean gst_motion_generate_src_seek(gpointer source, GstSegment *segment);
GstCaps *gst_motion_generate_src_get_caps(gpointer source);
gboolean gst_motion_generate_src_set_caps(gpointer source, GstCaps *caps);
/// The rate that is taken where downstream takes any.
void gst_motion_generate_src_frame_rate(gpointer source, gint *numerator, gint *denominator);
/// Writes the next frame into `buffer`.
GstFlowReturn gst_motion_generate_src_fill(gpointer source, GstBuffer *buffer);

G_END_DECLS

#endif
