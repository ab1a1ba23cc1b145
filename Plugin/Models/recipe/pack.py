#!/usr/bin/env python3
"""Makes a corpus file small enough to travel: bytes for bytes, float16 for poses; the trainers read both.

  pack.py RUN/corpus.safetensors PACKED.safetensors      then: xz PACKED.safetensors
"""
import sys

import torch
from safetensors.torch import load_file, save_file

TYPES = {"backdrops": torch.uint8, "sprite": torch.uint8, "place": torch.uint8, "mirrored": torch.uint8, "backdrop": torch.uint8,
         "tokens": torch.int16, "plain_tokens": torch.int16}


def main():
    source, target = sys.argv[1:]
    tensors = {n: t for n, t in load_file(source).items() if not n.startswith(("latents.", "example_tokens."))}
    exact = ("code.mean", "code.encoder", "code.decoder")
    save_file({n: t if n in exact else t.to(TYPES.get(n, torch.float16)) for n, t in tensors.items()}, target)


if __name__ == "__main__":
    main()
