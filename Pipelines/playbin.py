#!/usr/bin/python3
"""Plays a file through playbin's video-filter; the sound stays as it is.

    Pipelines/playbin.py INPUT [PROPERTY=VALUE ...]

`--sinks fake` plays into nothing, as fast as it goes.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("properties", nargs="*")
    parser.add_argument("--sinks", choices=["auto", "fake"], default="auto")
    arguments = parser.parse_args()
    Gst.init(None)
    player = Gst.ElementFactory.make("playbin")
    player.set_property("uri", Gst.filename_to_uri(arguments.input))
    motion = Gst.ElementFactory.make("motiontransfer")
    for setting in arguments.properties:
        name, _, value = setting.partition("=")
        Gst.util_set_object_arg(motion, name, value)
    player.set_property("video-filter", motion)
    if arguments.sinks == "fake":
        for sink in ("video-sink", "audio-sink"):
            player.set_property(sink, Gst.ElementFactory.make("fakesink"))
    player.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.ERROR | Gst.MessageType.EOS
    message = player.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted)
    if message.type == Gst.MessageType.ERROR:
        print(message.parse_error()[0].message, file=sys.stderr)
    stats = motion.get_property("stats")
    print(f"{stats.get_value('frames-in')} frames in, {stats.get_value('frames-out')} out")
    player.set_state(Gst.State.NULL)
    return 0 if message.type == Gst.MessageType.EOS else 1


sys.exit(main())
