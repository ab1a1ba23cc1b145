// The element's properties: names, texts, ranges and defaults.
#ifndef GST_MOTION_TRANSFER_PROPERTIES_H
#define GST_MOTION_TRANSFER_PROPERTIES_H

#include <gst/gst.h>

/// `takes_video` adds the properties of an element with a reference: learning, clips of its frames, lateness.
void gst_motion_transfer_install_properties(GObjectClass *class, gboolean takes_video);

#endif
