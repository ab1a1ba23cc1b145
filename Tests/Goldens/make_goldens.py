#!/usr/bin/env python3
"""Makes the fixtures beside this script: python make_goldens.py [group ...]; without a group, all of them.

The peers are pinned in requirements.txt. README.md says what each fixture holds.
"""

import importlib
import sys

import torch

GROUPS = ["rng", "op", "block", "unet", "text_encoder", "vae", "ddim", "scheduler", "pipeline", "motion_inversion",
          "motion_inversion_options", "motion_lora", "syn_motion", "frame_windows", "animatediff", "lora", "layout",
          "training", "checkpoint", "tokenizer", "scorer"]


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for group in sys.argv[1:] or GROUPS:
        print(group, flush=True)
        importlib.import_module(f"{group}_goldens").make()


if __name__ == "__main__":
    main()
