#!/usr/bin/env python3
"""Draws the sprite atlas of the training corpus from Debian's fonts-noto-color-emoji (SIL OFL 1.1).

Development tool, run once; its result, sprites.rgba, is committed. Needs Pillow.
Format: one ASCII line "sprites <size> <name> <name> ...\\n", then size*size RGBA bytes for each name,
row by row from the top, alpha not premultiplied.
"""
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
SIZE = 96
SUBJECTS = {
    "frog": "🐸", "pig": "🐷", "penguin": "🐧", "car": "🚗", "star": "⭐", "fox": "🦊", "whale": "🐳",
    "bear": "🐻", "balloon": "🎈", "ghost": "👻", "apple": "🍎", "fish": "🐠", "rocket": "🚀", "duck": "🦆",
    "robot": "🤖", "football": "⚽", "octopus": "🐙", "butterfly": "🦋", "heart": "💜", "tree": "🌲",
    "sunflower": "🌻", "taxi": "🚕", "bus": "🚌", "boy": "👦",
}


def sprite(character: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((10, 12), character, font=font, embedded_color=True)
    canvas = canvas.crop(canvas.getbbox())
    side = max(canvas.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(canvas, ((side - canvas.width) // 2, (side - canvas.height) // 2))
    # Premultiplied while shrinking, so that transparent pixels do not bleed into the edge.
    return square.convert("RGBa").resize((SIZE, SIZE), Image.LANCZOS).convert("RGBA")


def main() -> None:
    output = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("sprites.rgba"))
    font = ImageFont.truetype(FONT, 109)
    header = f"sprites {SIZE} {' '.join(SUBJECTS)}\n".encode("ascii")
    output.write_bytes(header + b"".join(sprite(c, font).tobytes() for c in SUBJECTS.values()))


if __name__ == "__main__":
    main()
