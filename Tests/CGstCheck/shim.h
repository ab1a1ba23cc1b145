// GstHarness: drives one element in process, without a pipeline.
#include <gst/check/gstharness.h>
