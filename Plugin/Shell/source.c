// GstMotionGenerateSrc: the source element's type and function tables. Each function hands on to Swift at once.
#include "gstmotiontransfer.h"
#include "properties.h"

#include <gst/video/video.h>

#define SELF(object) ((GstMotionGenerateSrc *) (object))

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_MOTION_TRANSFER_RGB_CAPS("1/2147483647")));

G_DEFINE_TYPE(GstMotionGenerateSrc, gst_motion_generate_src, GST_TYPE_PUSH_SRC)

static gboolean start(GstBaseSrc *src) { return gst_motion_generate_src_start(SELF(src)->source); }
static gboolean stop(GstBaseSrc *src) { return gst_motion_generate_src_stop(SELF(src)->source); }
static gboolean unlock(GstBaseSrc *src) { return gst_motion_generate_src_unlock(SELF(src)->source, TRUE); }
static gboolean unlock_stop(GstBaseSrc *src) { return gst_motion_generate_src_unlock(SELF(src)->source, FALSE); }
static gboolean do_seek(GstBaseSrc *src, GstSegment *segment) {
  return gst_motion_generate_src_seek(SELF(src)->source, segment);
}
static gboolean set_caps(GstBaseSrc *src, GstCaps *caps) {
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps)) return FALSE;
  gst_base_src_set_blocksize(src, info.size);
  return gst_motion_generate_src_set_caps(SELF(src)->source, caps);
}
static GstFlowReturn fill(GstPushSrc *src, GstBuffer *buffer) {
  return gst_motion_generate_src_fill(SELF(src)->source, buffer);
}

static gboolean is_seekable(GstBaseSrc *src) {
  (void) src;
  return TRUE;
}

static GstCaps *get_caps(GstBaseSrc *src, GstCaps *filter) {
  GstCaps *caps = gst_motion_generate_src_get_caps(SELF(src)->source);
  if (filter == NULL) return caps;
  GstCaps *both = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(caps);
  return both;
}

static GstCaps *fixate(GstBaseSrc *src, GstCaps *caps) {
  gint numerator = 0, denominator = 0;
  gst_motion_generate_src_frame_rate(SELF(src)->source, &numerator, &denominator);
  caps = gst_caps_truncate(gst_caps_make_writable(caps));
  gst_structure_fixate_field_nearest_fraction(gst_caps_get_structure(caps, 0), "framerate", numerator, denominator);
  return GST_BASE_SRC_CLASS(gst_motion_generate_src_parent_class)->fixate(src, caps);
}

// Downstream's pool or one of our own, with strides of its own where downstream can read them. GstBaseSrc takes the
// query's pool and keeps the options that are set here.
static gboolean decide_allocation(GstBaseSrc *src, GstQuery *query) {
  GstCaps *caps = NULL;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, NULL);
  if (caps == NULL || !gst_video_info_from_caps(&info, caps)) return FALSE;
  GstBufferPool *pool = NULL;
  guint size = 0, least = 0, most = 0;
  gboolean is_offered = gst_query_get_n_allocation_pools(query) > 0;
  if (is_offered) gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &least, &most);
  size = MAX(size, (guint) info.size);
  if (pool == NULL) pool = gst_video_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, least, most);
  if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL)
      && gst_buffer_pool_has_option(pool, GST_BUFFER_POOL_OPTION_VIDEO_META))
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_set_config(pool, config);
  if (is_offered)
    gst_query_set_nth_allocation_pool(query, 0, pool, size, least, most);
  else
    gst_query_add_allocation_pool(query, pool, size, least, most);
  gst_object_unref(pool);
  return GST_BASE_SRC_CLASS(gst_motion_generate_src_parent_class)->decide_allocation(src, query);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  (void) spec;
  gst_motion_generate_src_set_property(SELF(object)->source, id, value);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  (void) spec;
  gst_motion_generate_src_get_property(SELF(object)->source, id, value);
}

static void finalize(GObject *object) {
  gst_motion_generate_src_free(SELF(object)->source);
  G_OBJECT_CLASS(gst_motion_generate_src_parent_class)->finalize(object);
}

static void gst_motion_generate_src_init(GstMotionGenerateSrc *self) {
  // The Swift object exists before the construct properties arrive.
  self->source = gst_motion_generate_src_new(self);
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}

static void gst_motion_generate_src_class_init(GstMotionGenerateSrcClass *class) {
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS(class);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  base_class->start = start;
  base_class->stop = stop;
  base_class->unlock = unlock;
  base_class->unlock_stop = unlock_stop;
  base_class->is_seekable = is_seekable;
  base_class->do_seek = do_seek;
  base_class->get_caps = get_caps;
  base_class->set_caps = set_caps;
  base_class->fixate = fixate;
  base_class->decide_allocation = decide_allocation;
  GST_PUSH_SRC_CLASS(class)->fill = fill;
  gst_motion_transfer_install_properties(object_class, FALSE);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Motion generator", "Source/Video",
      "Makes video that looks like the prompt and moves like a motion embedding", "The motiontransfer authors");
}
