#!/usr/bin/python3
"""A property that moves with time: motion-scale grows from clip to clip, driven by a GstController.

    Pipelines/controller.py OUTPUT.mkv "a fox in the snow" MOTION.safetensors [PROPERTY=VALUE ...]
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstController", "1.0")
from gi.repository import Gst, GstController  # noqa: E402


def main():
    output, prompt, embedding, *properties = sys.argv[1:]
    Gst.init(None)
    pipeline = Gst.parse_launch(
        "motiongeneratesrc name=motion num-buffers=32 ! videoconvert ! video/x-raw,format=I420 ! x264enc ! "
        "matroskamux ! filesink name=out"
    )
    pipeline.get_by_name("out").set_property("location", output)
    motion = pipeline.get_by_name("motion")
    motion.set_property("prompt", prompt)
    motion.set_property("motion-embedding", embedding)
    for setting in properties:
        name, _, value = setting.partition("=")
        Gst.util_set_object_arg(motion, name, value)
    # From no motion at the start to all of it after four seconds; each clip takes the value at its first frame.
    source = GstController.InterpolationControlSource()
    source.set_property("mode", GstController.InterpolationMode.LINEAR)
    source.set(0, 0.0)
    source.set(4 * Gst.SECOND, 1.0)
    motion.add_control_binding(GstController.DirectControlBinding.new_absolute(motion, "motion-scale", source))
    pipeline.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.ERROR | Gst.MessageType.EOS
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted)
    if message.type == Gst.MessageType.ERROR:
        print(message.parse_error()[0].message, file=sys.stderr)
    print(f"motion-scale at the end: {motion.get_property('motion-scale'):.3f}")
    pipeline.set_state(Gst.State.NULL)
    return 0 if message.type == Gst.MessageType.EOS else 1


sys.exit(main())
