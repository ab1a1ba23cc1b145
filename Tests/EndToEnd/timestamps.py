"""Prints the times of a stream's buffers in milliseconds: timestamps.py FILE video|audio"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
path, kind = sys.argv[1:]
# Matroska keeps milliseconds.
pipeline = Gst.parse_launch(
    f'filesrc location="{path}" ! decodebin name=d caps="{kind}/x-raw(ANY)" expose-all-streams=false '
    "! appsink name=sink sync=false"
)
sink = pipeline.get_by_name("sink")
pipeline.set_state(Gst.State.PLAYING)
while True:
    sample = sink.emit("try-pull-sample", 5 * Gst.SECOND)
    if sample is None:
        break
    print(sample.get_buffer().pts // Gst.MSECOND)
pipeline.set_state(Gst.State.NULL)
