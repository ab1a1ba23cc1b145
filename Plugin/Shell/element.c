// GstMotionTransfer: the element's type, pads and function tables. Each function hands on to Swift at once.
#include "gstmotiontransfer.h"
#include "properties.h"

#include <gst/video/video.h>

GST_DEBUG_CATEGORY_STATIC(motion_transfer_debug);

#define SELF(object) ((GstMotionTransfer *) (object))

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIDEO_FORMATS_ALL)));

// 0/1: the input's frame rate, where that varies.
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_MOTION_TRANSFER_RGB_CAPS("0/1")));

static GstStaticPadTemplate text_template = GST_STATIC_PAD_TEMPLATE("text", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS("text/x-raw, format = (string) { utf8, pango-markup }"));

G_DEFINE_TYPE(GstMotionTransfer, gst_motion_transfer, GST_TYPE_ELEMENT)

static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  (void) pad;
  return gst_motion_transfer_chain(SELF(parent)->behaviour, buffer);
}

static gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  (void) pad;
  return gst_motion_transfer_sink_event(SELF(parent)->behaviour, event);
}

static gboolean src_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  (void) pad;
  return gst_motion_transfer_src_event(SELF(parent)->behaviour, event);
}

static GstFlowReturn text_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  (void) pad;
  return gst_motion_transfer_text_chain(SELF(parent)->behaviour, buffer);
}

static gboolean text_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  (void) pad;
  return gst_motion_transfer_text_event(SELF(parent)->behaviour, event);
}

// Only a linked pad's text is worth waiting for.
static GstPadLinkReturn text_link(GstPad *pad, GstObject *parent, GstPad *peer) {
  (void) pad;
  (void) peer;
  gst_motion_transfer_text_linked(SELF(parent)->behaviour, TRUE);
  return GST_PAD_LINK_OK;
}

static void text_unlink(GstPad *pad, GstObject *parent) {
  (void) pad;
  gst_motion_transfer_text_linked(SELF(parent)->behaviour, FALSE);
}

static GstPad *request_new_pad(GstElement *element, GstPadTemplate *template, const gchar *name, const GstCaps *caps) {
  (void) name;
  (void) caps;
  GstMotionTransfer *self = SELF(element);
  GST_OBJECT_LOCK(self);
  gboolean is_taken = self->textpad != NULL;
  GstPad *pad = NULL;
  if (!is_taken) pad = self->textpad = gst_pad_new_from_template(template, "text");
  GST_OBJECT_UNLOCK(self);
  if (is_taken) return NULL;
  gst_pad_set_chain_function(pad, text_chain);
  gst_pad_set_event_function(pad, text_event);
  gst_pad_set_link_function(pad, text_link);
  gst_pad_set_unlink_function(pad, text_unlink);
  gst_pad_set_active(pad, TRUE);
  gst_element_add_pad(element, pad);
  return pad;
}

static void release_pad(GstElement *element, GstPad *pad) {
  GstMotionTransfer *self = SELF(element);
  gst_motion_transfer_text_linked(self->behaviour, FALSE);
  gst_pad_set_active(pad, FALSE);
  GST_OBJECT_LOCK(self);
  self->textpad = NULL;
  GST_OBJECT_UNLOCK(self);
  gst_element_remove_pad(element, pad);
}

static gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  (void) pad;
  return gst_motion_transfer_sink_query(SELF(parent)->behaviour, query);
}

static gboolean src_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  (void) pad;
  return gst_motion_transfer_src_query(SELF(parent)->behaviour, query);
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange change) {
  gpointer behaviour = SELF(element)->behaviour;
  if (!gst_motion_transfer_before_state_change(behaviour, change)) return GST_STATE_CHANGE_FAILURE;
  GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_motion_transfer_parent_class)->change_state(element, change);
  gst_motion_transfer_after_state_change(behaviour, change, result);
  return result;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  (void) spec;
  gst_motion_transfer_set_property(SELF(object)->behaviour, id, value);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  (void) spec;
  gst_motion_transfer_get_property(SELF(object)->behaviour, id, value);
}

static void finalize(GObject *object) {
  gst_motion_transfer_behaviour_free(SELF(object)->behaviour);
  G_OBJECT_CLASS(gst_motion_transfer_parent_class)->finalize(object);
}

static void gst_motion_transfer_init(GstMotionTransfer *self) {
  // The Swift object exists before the construct properties arrive.
  self->behaviour = gst_motion_transfer_behaviour_new(self);

  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, chain);
  gst_pad_set_event_function(self->sinkpad, sink_event);
  gst_pad_set_query_function(self->sinkpad, sink_query);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_event_function(self->srcpad, src_event);
  gst_pad_set_query_function(self->srcpad, src_query);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void gst_motion_transfer_class_init(GstMotionTransferClass *class) {
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  element_class->change_state = change_state;
  element_class->request_new_pad = request_new_pad;
  element_class->release_pad = release_pad;
  gst_motion_transfer_install_properties(object_class, TRUE);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_add_static_pad_template(element_class, &text_template);
  gst_element_class_set_static_metadata(element_class, "Motion transfer", "Filter/Effect/Video",
      "Makes a new video that moves like the input and looks like the prompt", "The motiontransfer authors");
}

gboolean gst_motion_transfer_register(GstPlugin *plugin) {
  if (motion_transfer_debug == NULL)
    GST_DEBUG_CATEGORY_INIT(motion_transfer_debug, "motiontransfer", 0, "Motion transfer");
  return gst_element_register(plugin, "motiontransfer", GST_RANK_NONE, gst_motion_transfer_get_type())
      && gst_element_register(plugin, "motiongeneratesrc", GST_RANK_NONE, gst_motion_generate_src_get_type());
}

gboolean gst_motion_transfer_logs(GstDebugLevel level) {
  return level <= _gst_debug_min && motion_transfer_debug != NULL
      && level <= gst_debug_category_get_threshold(motion_transfer_debug);
}

void gst_motion_transfer_log(gpointer object, GstDebugLevel level, const char *file, const char *function, gint line,
    const char *text) {
  gst_debug_log_literal(motion_transfer_debug, level, file, function, line, object, text);
}
