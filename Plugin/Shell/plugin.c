// The plugin `motiontransfer`. GStreamer derives the descriptor's symbol from the file name,
// libgstmotiontransfer.so: plugin name, file name and symbol must agree.
#include "gstmotiontransfer.h"

#define PACKAGE "motiontransfer"

static gboolean plugin_init(GstPlugin *plugin) { return gst_motion_transfer_register(plugin); }

// "Apache 2.0" is the spelling that GStreamer's list of licences accepts; with any other the plugin does not
// load.
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, motiontransfer,
    "Motion transfer: the motion of a reference video, the content of a prompt", plugin_init, "0.1.0", "Apache 2.0",
    "motiontransfer", "https://gstreamer.freedesktop.org/")
