"""Compares when the sound of two files ticks: ticks.py REFERENCE RESULT. Exit status 1 beyond ten milliseconds."""

import array
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

RATE = 44100


def ticks(path):
    """Milliseconds at which the sound rises from silence."""
    pipeline = Gst.parse_launch(
        f'filesrc location="{path}" ! decodebin caps="audio/x-raw(ANY)" expose-all-streams=false ! audioconvert ! '
        f"audioresample ! audio/x-raw,format=S16LE,channels=1,rate={RATE} ! appsink name=sink sync=false"
    )
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    found, quiet = [], RATE
    while True:
        sample = sink.emit("try-pull-sample", 5 * Gst.SECOND)
        if sample is None:
            break
        buffer = sample.get_buffer()
        start = buffer.pts / Gst.MSECOND
        for index, value in enumerate(array.array("h", buffer.extract_dup(0, buffer.get_size()))):
            if abs(value) > 4000 and quiet > RATE // 10:
                found.append(start + index * 1000 / RATE)
            quiet = 0 if abs(value) > 4000 else quiet + 1
    pipeline.set_state(Gst.State.NULL)
    return found


Gst.init(None)
reference, result = ticks(sys.argv[1]), ticks(sys.argv[2])
print("reference", [round(t) for t in reference])
print("result   ", [round(t) for t in result])
apart = max((abs(a - b) for a, b in zip(reference, result)), default=1000)
sys.exit(len(reference) < 2 or len(reference) != len(result) or apart > 10)
