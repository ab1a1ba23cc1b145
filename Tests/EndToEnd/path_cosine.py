#!/usr/bin/env python3
"""Cosine between the path of what moves in a raw RGB clip and the jump of Pipelines/reference.mkv.

  path_cosine.py CLIP.rgb WIDTH HEIGHT
What moves is what differs from the median of each pixel over the frames; its centre of mass gives the path. Both paths are
centred: 1 is the same jump wherever it happens and however large, 0 has nothing to do with it.
"""
import math
import sys


def path(pixels: bytes, width: int, height: int) -> list[tuple[float, float]]:
    size = width * height * 3
    frames = [pixels[i:i + size] for i in range(0, len(pixels) - size + 1, size)]
    median = [sorted(values)[len(frames) // 2] for values in zip(*frames)]
    result = []
    for frame in frames:
        total = x = y = 0.0
        for pixel in range(width * height):
            at = 3 * pixel
            weight = sum(abs(frame[at + c] - median[at + c]) for c in range(3)) - 90
            if weight > 0:
                total += weight
                x += weight * (pixel % width)
                y += weight * (pixel // width)
        result.append((x / total / width, y / total / height) if total else (0.5, 0.5))
    return result


def centred(points: list[tuple[float, float]]) -> list[float]:
    means = [sum(p[axis] for p in points) / len(points) for axis in (0, 1)]
    return [p[axis] - means[axis] for p in points for axis in (0, 1)]


def main() -> None:
    found = centred(path(open(sys.argv[1], "rb").read(), int(sys.argv[2]), int(sys.argv[3])))
    times = [i / (len(found) // 2 - 1) for i in range(len(found) // 2)]
    jump = centred([(0.2 + 0.6 * t, 0.7 - 0.4 * math.sin(math.pi * t)) for t in times])
    lengths = math.sqrt(sum(v * v for v in found)) * math.sqrt(sum(v * v for v in jump))
    print(f"{sum(a * b for a, b in zip(found, jump)) / lengths if lengths else 0:.3f}")


if __name__ == "__main__":
    main()
