"""The released models' tensor tables: number, parameters and a digest of names and shapes, for models too large to commit."""

import hashlib
import math

from golden_writer import save_json
from released_configurations import ADAPTERS, shapes

NAMES = ["unet-3d", "unet-stable-diffusion", "vae", "text-open-clip", "text-clip", *ADAPTERS]


def make() -> None:
    table = {}
    for name in NAMES:
        # Buffers are no parameters: position codes and ids are computed. Old files have a prefix for the text encoder.
        known = {key.removeprefix("text_model."): shape for key, shape in shapes(name).items()
                 if not key.endswith((".pe", "position_ids"))}
        lines = []
        for key, shape in sorted(known.items()):
            while len(shape) > 2 and shape[-1] == 1:  # a convolution of kernel 1 is a matrix
                shape = shape[:-1]
            lines.append(f"{key} {','.join(map(str, shape))}\n")
        table[name] = {"tensors": len(known), "parameters": sum(map(math.prod, known.values())),
                       "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}
    save_json("layouts/layouts.json", table)
