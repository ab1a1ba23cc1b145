"""Seeks through a real demuxer, paused and playing: seeks.py CLIP MODEL. The first frame after each is the one asked for."""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
clip, model = sys.argv[1:]
pipeline = Gst.parse_launch(
    f'filesrc location="{clip}" ! decodebin ! motiontransfer model="{model}" width=24 height=16 num-frames=4 '
    "num-inference-steps=1 prompt=cat mode=apply ! appsink name=sink sync=false max-buffers=2"
)
sink, bus = pipeline.get_by_name("sink"), pipeline.get_bus()


def frames(count):
    found = []
    while len(found) < count:
        sample = sink.emit("try-pull-sample", 20 * Gst.SECOND)
        if sample is None:
            break
        found.append(sample.get_buffer())
    return found


def wait():
    message = bus.timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.ASYNC_DONE | Gst.MessageType.ERROR)
    assert message is not None and message.type == Gst.MessageType.ASYNC_DONE, message and message.parse_error()


pipeline.set_state(Gst.State.PAUSED)
wait()
whole = [buffer.pts for buffer in (pipeline.set_state(Gst.State.PLAYING), frames(1000))[1]]
assert len(whole) == 16, whole
accurate = Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE
for state in (Gst.State.PAUSED, Gst.State.PLAYING):
    pipeline.set_state(state)
    for index in (5, 0, len(whole) - 1, 3):
        assert pipeline.seek_simple(Gst.Format.TIME, accurate, whole[index])
        wait()
        if state == Gst.State.PAUSED:
            found = [sink.emit("try-pull-preroll", 20 * Gst.SECOND).get_buffer()]
        else:
            found = frames(min(3, len(whole) - index))
        times = [buffer.pts for buffer in found]
        assert times == whole[index : index + len(times)] and times, (index, times)
        assert found[0].has_flags(Gst.BufferFlags.DISCONT)
# A seek to a part: it ends where it was told to.
assert pipeline.seek(
    1.0, Gst.Format.TIME, accurate, Gst.SeekType.SET, whole[2], Gst.SeekType.SET, whole[7]
)
assert [buffer.pts for buffer in frames(1000)] == whole[2:7]
pipeline.set_state(Gst.State.NULL)
