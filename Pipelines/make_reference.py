#!/usr/bin/env python3
"""Draws Pipelines/reference.mkv, the demonstration's reference: a duck that jumps over a meadow from left to right.

Development tool, run once; its result is committed. The bundled model has seen neither ducks nor this very jump.
Needs Pillow and gst-launch-1.0. The duck comes from the corpus's sprite atlas (see Plugin/Models/corpus/NOTICE).
"""
import math
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageFilter

HERE = Path(__file__).resolve().parent
SIZE, FRAMES, RATE = 256, 16, 8


def sprite(name: str, edge: int) -> Image.Image:
    header, pixels = (HERE.parent / "Plugin/Models/corpus/sprites.rgba").read_bytes().split(b"\n", 1)
    _, size, *names = header.decode().split()
    side, index = int(size), names.index(name)
    picture = Image.frombytes("RGBA", (side, side), pixels[index * side * side * 4:(index + 1) * side * side * 4])
    return picture.resize((edge, edge), Image.LANCZOS)


def meadow() -> Image.Image:
    noise = Image.effect_noise((SIZE, SIZE), 60).filter(ImageFilter.GaussianBlur(2))
    picture = Image.new("RGB", (SIZE, SIZE))
    for y in range(SIZE):
        for x in range(SIZE):
            if y < SIZE // 2:
                share = y / (SIZE / 2)
                picture.putpixel((x, y), (int(150 + 60 * share), int(205 + 30 * share), 255))
            else:
                share, grain = (y - SIZE / 2) / (SIZE / 2), (noise.getpixel((x, y)) - 128) // 2
                picture.putpixel((x, y), (int(90 - 40 * share) + grain, int(180 - 50 * share) + grain, int(60 - 20 * share)))
    return picture


def main() -> None:
    duck, background, edge = sprite("duck", 112), meadow(), 112
    with tempfile.TemporaryDirectory() as folder:
        for frame in range(FRAMES):
            time = frame / (FRAMES - 1)
            x, y = 0.2 + 0.6 * time, 0.7 - 0.4 * math.sin(math.pi * time)
            picture = background.copy()
            picture.paste(duck, (round(x * SIZE - edge / 2), round(y * SIZE - edge / 2)), duck)
            picture.save(f"{folder}/{frame:02}.png")
        subprocess.run(
            ["gst-launch-1.0", "-q", "multifilesrc", f"location={folder}/%02d.png", f"caps=image/png,framerate={RATE}/1",
             "!", "pngdec", "!", "videoconvert", "!", "jpegenc", "quality=92", "!", "matroskamux", "!", "filesink",
             f"location={HERE / 'reference.mkv'}"], check=True)


if __name__ == "__main__":
    main()
