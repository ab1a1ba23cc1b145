"""Starts and stops, then seeks, again and again: memory, threads and files must not grow.

    Tests/Soak/run.sh          a short run
    Tests/Soak/run.sh --long   1000 starts and 200 seeks
    soak.py CLIP EMBEDDING STARTS SEEKS [PROPERTY=VALUE ...]
"""

import ctypes
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def resident():
    """Megabytes that are in use: what malloc merely keeps goes back first, for it changes from round to round."""
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def held():
    return {"threads": len(os.listdir("/proc/self/task")), "files": len(os.listdir("/proc/self/fd"))}


class Growth:
    """What one round leaves behind, from the memory after the first rounds to that after the last."""

    def __init__(self, name, warm):
        self.name, self.warm, self.memory, self.start = name, warm, [], time.time()

    def note(self):
        self.memory.append(resident())
        if len(self.memory) == self.warm:
            self.before = held()

    def verdict(self, others=0):
        """Whether less than 1 % was left, not counting the `others` megabytes that the rest of the pipeline leaves; a few
        rounds tell nothing of that."""
        # The least of a twentieth of the rounds: on top of it come stacks of threads that the C library has yet to give back.
        some = max(len(self.memory) // 20, 5)
        first, last = min(self.memory[self.warm : self.warm + some]), min(self.memory[-some:])
        self.left, after = last - first, held()
        growth = 100 * (self.left - others) / first
        print(
            f"{self.name}: {len(self.memory)} rounds in {time.time() - self.start:.0f} s, memory {first:.2f} MB, then "
            f"{last:.2f} MB, {others:.2f} MB of it without the element ({growth:+.2f} %), before {self.before}, after {after}",
            flush=True,
        )
        return (growth < 1 or len(self.memory) < 50) and all(after[k] <= self.before[k] + 1 for k in after)


def wait(pipeline, types):
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, types | Gst.MessageType.ERROR)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit(f"failed: {message.parse_error() if message else 'nothing happened for a minute'}")


def start_and_stop(name, line, properties, rounds):
    growth = Growth(name, min(50, rounds // 3))
    for index in range(rounds):
        pipeline = Gst.parse_launch(line)
        for setting in properties:
            Gst.util_set_object_arg(pipeline.get_by_name("m"), *setting.split("=", 1))
        pipeline.set_state(Gst.State.PLAYING)
        # Some end, some are stopped while they work.
        if index % 4 == 0:
            wait(pipeline, Gst.MessageType.EOS)
        else:
            time.sleep(0.01 * (index % 7))
        pipeline.set_state(Gst.State.NULL)
        del pipeline
        growth.note()
    return growth


def main():
    clip, embedding, starts, seeks, *properties = sys.argv[1:]
    Gst.init(None)
    bare = f'filesrc location="{clip}" ! decodebin ! identity ! videoconvert ! fakesink name=s sync=false'
    line = bare.replace(
        "identity", f'motiontransfer name=m mode=apply prompt="a fox in the snow" motion-embedding="{embedding}"'
    )
    # GStreamer and Python leave something, too: without the element first.
    others = start_and_stop("starts and stops without the element", bare, [], int(starts))
    others.verdict()
    flat = start_and_stop("starts and stops", line, properties, int(starts)).verdict(others.left)

    pipeline = Gst.parse_launch(line)
    for setting in properties:
        Gst.util_set_object_arg(pipeline.get_by_name("m"), *setting.split("=", 1))
    pipeline.set_state(Gst.State.PAUSED)
    wait(pipeline, Gst.MessageType.ASYNC_DONE)
    growth = Growth("seeks", min(50, int(seeks) // 3))
    for index in range(int(seeks)):
        flags = Gst.SeekFlags.FLUSH | (Gst.SeekFlags.ACCURATE if index % 2 else Gst.SeekFlags.KEY_UNIT)
        if not pipeline.seek_simple(Gst.Format.TIME, flags, (index * 37 % 100) * 10 * Gst.MSECOND):
            sys.exit("a seek was refused")
        # Half of them are overtaken by the next.
        if index % 2:
            wait(pipeline, Gst.MessageType.ASYNC_DONE)
        growth.note()
    flat = growth.verdict() and flat
    pipeline.set_state(Gst.State.NULL)
    return 0 if flat else 1


sys.exit(main())
