// The element's properties: names, texts, ranges and defaults.
#ifndef GST_MOTION_TRANSFER_PROPERTIES_H
#define GST_MOTION_TRANSFER_PROPERTIES_H

#include <gst/gst.h>

void gst_motion_transfer_install_properties(GObjectClass *class);

#endif
