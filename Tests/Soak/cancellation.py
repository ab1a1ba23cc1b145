"""How long a stop or a flush takes at a random moment of loading, learning, encoding, sampling or decoding.

    cancellation.py CLIP TRIES [PROPERTY=VALUE ...]

Prints percentiles in milliseconds; exit status 1 where the 99th is above 100 ms.
"""

import collections
import random
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def attempt(clip, mode, properties, moment, flush):
    pipeline = Gst.parse_launch(
        f'filesrc location="{clip}" ! decodebin ! motiontransfer name=m {mode} prompt="a fox in the snow" '
        'reference-prompt="a duck on grass" ! fakesink name=s sync=false'
    )
    motion = pipeline.get_by_name("m")
    for setting in properties:
        Gst.util_set_object_arg(motion, *setting.split("=", 1))
    stage = ["start"]

    def heard(_bus, message):
        structure = message.get_structure()
        if structure and structure.get_name() == "motiontransfer-progress":
            stage[0] = structure.get_value("stage")
        return Gst.BusSyncReply.PASS

    pipeline.get_bus().set_sync_handler(heard)
    pipeline.set_state(Gst.State.PLAYING)
    time.sleep(moment)
    seen, start = stage[0], time.monotonic()
    if flush:
        pad = motion.get_static_pad("sink")
        pad.send_event(Gst.Event.new_flush_start())
        pad.send_event(Gst.Event.new_flush_stop(True))  # waits for the streaming thread
    else:
        motion.set_locked_state(True)
        motion.set_state(Gst.State.NULL)
    elapsed = (time.monotonic() - start) * 1000
    motion.set_state(Gst.State.NULL)
    pipeline.set_state(Gst.State.NULL)
    return seen, elapsed


def main():
    clip, tries, *properties = sys.argv[1:]
    Gst.init(None)
    random.seed(1)
    stages, times = collections.defaultdict(list), []
    for index in range(int(tries)):
        mode = ["mode=auto inversion-steps=200", "mode=apply num-inference-steps=60", "mode=apply num-inference-steps=1"][index % 3]
        stage, elapsed = attempt(clip, mode, properties, random.uniform(0, 1.2) ** 2, flush=index % 2)
        stages[stage].append(elapsed)
        times.append(elapsed)
    times.sort()
    for stage, found in sorted(stages.items()):
        print(f"{stage}: {len(found)} tries, slowest {max(found):.1f} ms")
    at = lambda share: times[min(int(share * len(times)), len(times) - 1)]  # noqa: E731
    print(f"all: median {at(0.5):.1f} ms, 99th percentile {at(0.99):.1f} ms, slowest {times[-1]:.1f} ms")
    return 0 if at(0.99) <= 100 else 1


sys.exit(main())
