#!/usr/bin/python3
"""Motion transfer in a Python application: progress, clips, a prompt that changes, errors.

    Pipelines/transfer.py INPUT OUTPUT.mkv "a fox in the snow" ["a pig in the desert" ...] [--set PROPERTY=VALUE ...]

The first clip shows the first prompt, the next clip the next one; the last prompt stays.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402


def build(arguments):
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! motiontransfer name=motion ! videoconvert ! video/x-raw,format=I420 ! x264enc ! "
        "matroskamux ! filesink name=out"
    )
    pipeline.get_by_name("file").set_property("location", arguments.input)
    pipeline.get_by_name("out").set_property("location", arguments.output)
    motion = pipeline.get_by_name("motion")
    motion.set_property("prompt", arguments.prompts[0])
    for setting in arguments.set:
        name, _, value = setting.partition("=")
        Gst.util_set_object_arg(motion, name, value)
    return pipeline, motion


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("prompts", nargs="+")
    parser.add_argument("--set", action="append", default=[], metavar="PROPERTY=VALUE")
    arguments = parser.parse_args()
    Gst.init(None)
    pipeline, motion = build(arguments)
    loop = GLib.MainLoop()
    following = iter(arguments.prompts[1:])
    status = 0

    # Taken where the next clip starts: on the streaming thread, as soon as a clip has begun.
    def begun(_bus, message):
        structure = message.get_structure()
        if structure and structure.get_name() == "motiontransfer-progress" and structure.get_value("step") == 0:
            if structure.get_value("stage") == "sample":
                prompt = next(following, None)
                if prompt is not None:
                    motion.set_property("prompt", prompt)
        return Gst.BusSyncReply.PASS

    def heard(_bus, message):
        nonlocal status
        if message.type == Gst.MessageType.ERROR:
            error, _ = message.parse_error()
            print(f"{message.src.get_name()}: {error.message}", file=sys.stderr)
            status = 1
            loop.quit()
        elif message.type == Gst.MessageType.EOS:
            loop.quit()
        elif message.type == Gst.MessageType.LATENCY:
            pipeline.recalculate_latency()
        elif message.type == Gst.MessageType.ELEMENT:
            structure = message.get_structure()
            if structure.get_name() == "motiontransfer-clip":
                seconds = structure.get_value("generation-time") / Gst.SECOND
                print(f"clip {structure.get_value('clip')}: {structure.get_value('prompt')} ({seconds:.1f} s)")

    bus = pipeline.get_bus()
    bus.set_sync_handler(begun)
    bus.add_signal_watch()
    bus.connect("message", heard)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        loop.run()
    except KeyboardInterrupt:
        status = 130
    pipeline.set_state(Gst.State.NULL)
    return status


sys.exit(main())
