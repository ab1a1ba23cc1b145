"""What the element itself costs at 1080p, beside what the model costs.

    /usr/bin/python3 Tests/Benchmarks/element.py

Needs python3-gi and the plugin on GST_PLUGIN_PATH. Prints how fast frames are taken while a clip fills to be learned, and
which share of a pipeline's time goes neither to the model nor to the rest of the pipeline.
"""

import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

FRAMES = 240


def source(form, frames):
    # One picture again and again: costs nothing beside what is measured.
    return (
        f"videotestsrc num-buffers=1 ! video/x-raw,format={form},width=1920,height=1080,framerate=30/1 "
        f"! imagefreeze num-buffers={frames} ! "
    )


def run(line):
    """Seconds from PLAYING to EOS, and the model's seconds of every clip."""
    pipeline = Gst.parse_launch(line)
    bus, model, start = pipeline.get_bus(), 0, time.monotonic()
    pipeline.set_state(Gst.State.PLAYING)
    while True:
        message = bus.timed_pop_filtered(600 * Gst.SECOND, Gst.MessageType.ANY)
        if message is None or message.type == Gst.MessageType.ERROR:
            raise SystemExit(f"failed: {message.parse_error() if message else 'no end'}")
        if message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == "motiontransfer-clip":
            model += message.get_structure().get_value("generation-time") / 1e9
        if message.type == Gst.MessageType.EOS:
            break
    elapsed = time.monotonic() - start
    pipeline.set_state(Gst.State.NULL)
    return elapsed, model


def median(values):
    return sorted(values)[len(values) // 2]


Gst.init(None)
element = 'motiontransfer prompt="a fox in the snow" ! fakesink sync=false'
print("frames a second, 1080p, while a clip fills to be learned")
filling = element.replace("motiontransfer", f"motiontransfer num-frames={FRAMES + 16} short-clip=drop")
for form in ("RGB", "BGRx", "I420", "NV12", "YUY2", "P010_10LE"):
    few, many = (median([run(source(form, count) + filling)[0] for _ in range(3)]) for count in (16, FRAMES))
    print(f"  {form:10} {(FRAMES - 16) / (many - few):6.0f}")
print("seconds of a pipeline, 1080p I420, ten clips: all, the model, the same pipeline without the element, the element itself")
bare = median([run(source("I420", 80) + "identity ! fakesink sync=false")[0] for _ in range(3)])
for mode in ("mode=apply", "mode=auto reference-prompt=ball"):
    elapsed, model = run(source("I420", 80) + element.replace("motiontransfer", f"motiontransfer num-frames=8 {mode}"))
    own = elapsed - model - bare
    print(f"  {mode:32} {elapsed:.3f}  {model:.3f}  {bare:.3f}  {own:.3f} ({100 * own / elapsed:.2f} %)")
