// GStreamer as Swift sees it: the headers, and a function for each macro or variadic that Swift cannot
// import. The functions add nothing of their own; each names the macro that it stands for.
#ifndef CGSTREAMER_SHIMS_H
#define CGSTREAMER_SHIMS_H

#include <gst/gst.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

// Times

static const guint64 cgst_clock_time_none = GST_CLOCK_TIME_NONE;
static const guint64 cgst_second = GST_SECOND;

// Casts and types

static inline GstBin *cgst_bin(GstElement *element) { return GST_BIN(element); }
static inline GstAppSink *cgst_app_sink(GstElement *element) { return GST_APP_SINK(element); }
static inline GstAppSrc *cgst_app_src(GstElement *element) { return GST_APP_SRC(element); }
static inline GType cgst_type_string(void) { return G_TYPE_STRING; }
static inline GType cgst_type_uint(void) { return G_TYPE_UINT; }
static inline GType cgst_type_uint64(void) { return G_TYPE_UINT64; }
static inline GType cgst_type_double(void) { return G_TYPE_DOUBLE; }
static inline GType cgst_type_fraction(void) { return GST_TYPE_FRACTION; }

// Objects

static inline void cgst_set_string(gpointer object, const char *name, const char *value) {
  g_object_set(object, name, value, NULL);
}
static inline void cgst_set_int(gpointer object, const char *name, gint value) {
  g_object_set(object, name, value, NULL);
}
static inline void cgst_set_bool(gpointer object, const char *name, gboolean value) {
  g_object_set(object, name, value, NULL);
}
static inline void cgst_set_caps(gpointer object, const char *name, GstCaps *value) {
  g_object_set(object, name, value, NULL);
}

// Structures and caps: gst_structure_set and gst_caps_set_simple are variadic

static inline void cgst_structure_set_string(GstStructure *s, const char *field, const char *value) {
  gst_structure_set(s, field, G_TYPE_STRING, value, NULL);
}
static inline void cgst_structure_set_uint(GstStructure *s, const char *field, guint value) {
  gst_structure_set(s, field, G_TYPE_UINT, value, NULL);
}
static inline void cgst_structure_set_uint64(GstStructure *s, const char *field, guint64 value) {
  gst_structure_set(s, field, G_TYPE_UINT64, value, NULL);
}
static inline void cgst_structure_set_double(GstStructure *s, const char *field, gdouble value) {
  gst_structure_set(s, field, G_TYPE_DOUBLE, value, NULL);
}
static inline void cgst_structure_set_sample(GstStructure *s, const char *field, GstSample *value) {
  gst_structure_set(s, field, GST_TYPE_SAMPLE, value, NULL);
}
static inline void cgst_caps_set_int(GstCaps *caps, const char *field, gint value) {
  gst_caps_set_simple(caps, field, G_TYPE_INT, value, NULL);
}
static inline void cgst_caps_set_fraction(GstCaps *caps, const char *field, gint numerator, gint denominator) {
  gst_caps_set_simple(caps, field, GST_TYPE_FRACTION, numerator, denominator, NULL);
}

// Video

/// The settings of the one conversion that this project makes (see FrameConverter.swift).
static inline GstStructure *cgst_converter_settings(guint max_taps) {
  return gst_structure_new("GstVideoConverter",
      GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
      GST_VIDEO_RESAMPLER_OPT_MAX_TAPS, G_TYPE_INT, (gint) max_taps,
      GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
      GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1u, NULL);
}
/// GST_VIDEO_INFO_PLANE_STRIDE and the other fields of a frame without padding: `width * 3` bytes a row.
static inline void cgst_video_info_set_packed_rgb(GstVideoInfo *info, guint width, guint height) {
  gst_video_info_set_format(info, GST_VIDEO_FORMAT_RGB, width, height);
  info->stride[0] = (gint) (width * 3);
  info->size = (gsize) width * 3 * height;
}
/// A frame over the caller's memory, for which gst_video_frame_map has no form. Never unmapped.
static inline GstVideoFrame cgst_video_frame_over(const GstVideoInfo *info, guint8 *pixels) {
  GstVideoFrame frame;
  memset(&frame, 0, sizeof frame);
  frame.info = *info;
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(info); plane++) frame.data[plane] = pixels + info->offset[plane];
  return frame;
}
static inline gint cgst_video_frame_stride(const GstVideoFrame *frame) { return GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0); }

// Metas

/// Whether a meta stays true when the pixels and their size become others: it describes the moment (captions, time
/// codes, reference times), not an area, a memory or a colour.
static inline gboolean cgst_meta_lasts(const GstMetaInfo *info) {
  const gchar *const *tags = gst_meta_api_type_get_tags(info->api);
  return info->transform_func != NULL && info->api != GST_PARENT_BUFFER_META_API_TYPE
      && (tags == NULL || tags[0] == NULL);
}
static inline gboolean cgst_has_lasting_metas(GstBuffer *buffer) {
  gpointer state = NULL;
  GstMeta *meta;
  while ((meta = gst_buffer_iterate_meta(buffer, &state)) != NULL)
    if (cgst_meta_lasts(meta->info)) return TRUE;
  return FALSE;
}
static inline void cgst_copy_lasting_metas(GstBuffer *to, GstBuffer *from) {
  GstMetaTransformCopy whole = {FALSE, 0, (gsize) -1};
  gpointer state = NULL;
  GstMeta *meta;
  while ((meta = gst_buffer_iterate_meta(from, &state)) != NULL)
    if (cgst_meta_lasts(meta->info)) meta->info->transform_func(to, meta, from, _gst_meta_transform_copy, &whole);
}

// Messages, events, queries

static inline GstMessageType cgst_message_type(GstMessage *message) { return GST_MESSAGE_TYPE(message); }
static inline GstEventType cgst_event_type(GstEvent *event) { return GST_EVENT_TYPE(event); }
static inline gboolean cgst_event_is_serialized(GstEvent *event) { return GST_EVENT_IS_SERIALIZED(event); }
/// Whether a flush leaves the event on a pad that has it, as gst_pad_push_event and gst_pad_send_event see to.
static inline gboolean cgst_event_outlasts_flush(GstEvent *event) {
  return GST_EVENT_IS_STICKY(event) && GST_EVENT_TYPE(event) != GST_EVENT_STREAM_GROUP_DONE;
}
static inline GstQueryType cgst_query_type(GstQuery *query) { return GST_QUERY_TYPE(query); }
static inline GType cgst_video_meta_api(void) { return GST_VIDEO_META_API_TYPE; }

#endif
