// Motion transfer in a C application.
//   cc transfer.c -o transfer $(pkg-config --cflags --libs gstreamer-1.0)
//   ./transfer INPUT OUTPUT.mkv "a fox in the snow" [PROPERTY=VALUE ...]
#include <gst/gst.h>
#include <string.h>

static int status = 0;

static gboolean heard(GstBus *bus, GstMessage *message, gpointer data) {
  (void) bus;
  GMainLoop *loop = data;
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: {
      GError *error = NULL;
      gst_message_parse_error(message, &error, NULL);
      g_printerr("%s: %s\n", GST_OBJECT_NAME(message->src), error->message);
      g_error_free(error);
      status = 1;
      g_main_loop_quit(loop);
      break;
    }
    case GST_MESSAGE_EOS:
      g_print("done\n");
      g_main_loop_quit(loop);
      break;
    case GST_MESSAGE_ELEMENT: {
      const GstStructure *structure = gst_message_get_structure(message);
      guint step, steps;
      if (gst_structure_has_name(structure, "motiontransfer-progress")
          && gst_structure_get(structure, "step", G_TYPE_UINT, &step, "steps", G_TYPE_UINT, &steps, NULL))
        g_print("%s %u/%u\n", gst_structure_get_string(structure, "stage"), step, steps);
      break;
    }
    default: break;
  }
  return TRUE;
}

int main(int count, char **arguments) {
  gst_init(&count, &arguments);
  if (count < 4) {
    g_printerr("usage: %s INPUT OUTPUT.mkv PROMPT [PROPERTY=VALUE ...]\n", arguments[0]);
    return 64;
  }
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch("filesrc name=file ! decodebin ! motiontransfer name=motion ! "
      "videoconvert ! video/x-raw,format=I420 ! x264enc ! matroskamux ! filesink name=out", &error);
  if (error != NULL) {
    g_printerr("%s\n", error->message);
    return 1;
  }
  GstElement *file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
  GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  GstElement *motion = gst_bin_get_by_name(GST_BIN(pipeline), "motion");
  g_object_set(file, "location", arguments[1], NULL);
  g_object_set(out, "location", arguments[2], NULL);
  g_object_set(motion, "prompt", arguments[3], NULL);
  for (int i = 4; i < count; i++) {
    char **pair = g_strsplit(arguments[i], "=", 2);
    if (pair[0] != NULL && pair[1] != NULL) gst_util_set_object_arg(G_OBJECT(motion), pair[0], pair[1]);
    g_strfreev(pair);
  }

  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  GstBus *bus = gst_element_get_bus(pipeline);
  guint watch = gst_bus_add_watch(bus, heard, loop);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_main_loop_run(loop);
  gst_element_set_state(pipeline, GST_STATE_NULL);

  g_source_remove(watch);
  gst_object_unref(bus);
  gst_object_unref(file);
  gst_object_unref(out);
  gst_object_unref(motion);
  gst_object_unref(pipeline);
  g_main_loop_unref(loop);
  return status;
}
