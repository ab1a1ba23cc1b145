#!/usr/bin/env python3
"""What the faster, less exact modes change in generated frames, beside plain float32.

    python Tests/Benchmarks/frames.py [--program .build/release/motiontransfer] [-- options of generate]

Generates one clip per mode with the same seed and prints the largest and the mean difference in levels of 0 ... 255, and
the peak signal-to-noise ratio.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent.parent
MODES = {
    "direct": ["--convolution", "direct"],
    "winograd2": ["--convolution", "winograd2"],
    "winograd4": ["--convolution", "winograd4"],
    "bfloat16": ["--arithmetic", "bfloat16"],
}


def generate(program: Path, options: list[str], mode: list[str], folder: str) -> np.ndarray:
    output = Path(folder) / "clip.rgb"
    command = [program, "generate", *options, *mode, "--seed", "1", "--output", output]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    return np.fromfile(output, np.uint8).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=ROOT / ".build" / "release" / "motiontransfer")
    parser.add_argument("options", nargs="*", default=["--prompt", "a fox in the snow"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = {name: generate(arguments.program, arguments.options, mode, folder) for name, mode in MODES.items()}
    exact = clips["direct"]
    print("| mode | largest difference | mean difference | PSNR, dB |\n|---|---|---|---|")
    for name, clip in clips.items():
        error = np.abs(clip - exact)
        noise = np.mean(error**2)
        ratio = f"{10 * np.log10(255**2 / noise):.1f}" if noise else "equal"
        print(f"| `{name}` | {error.max():.0f} | {error.mean():.4f} | {ratio} |")


if __name__ == "__main__":
    main()
