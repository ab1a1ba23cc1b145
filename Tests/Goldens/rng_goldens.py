"""torch's CPU generator: what randn, randint and rand give for a seed, alone and one after the other.

Below 16 elements randn draws pairs in double precision and keeps the unused one for the next call; from 16 on it
fills with uniforms and transforms blocks of 16 (the last 16 again when the length is no multiple of 16).
"""

import torch
from golden_writer import generator, save_json, save_tensors

SEEDS = [0, 1, 7, 42, 2**31 + 5, 2**32 - 1, 2**32, 2**32 + 7, 2**53 + 11, 2**63 - 1]
LENGTHS = [1, 2, 5, 15, 16, 17, 31, 32, 64, 100]
SEQUENCES = {
    "learn": "randn 60;randint 1000;randn 60;randint 1000;randn 60;randint 1000;randn 60",
    "pairs": "randn 5;randn 5;randn 1;randint 1000;randn 2;rand 3;randn 15",
    "cached": "randn 3;randn 16;randn 3;rand 1;randn 1;randint 7;randn 17;randn 1",
    "uniform": "rand 7;randint 1000;randint 1000;rand 16;randint 8;rand 33;randn 4",
    "large": "randint 268435455;randint 268435456;randint 2147483648;randint 4294967295;randint 1099511627776;randint 9;randn 3",
    "long": "randn 700;randn 33;rand 700;randint 1000;randn 624;randn 15",
}


def draw(step: str, random: torch.Generator) -> torch.Tensor:
    kind, count = step.split()
    if kind == "randint":
        return torch.randint(0, int(count), (1,), generator=random)
    return getattr(torch, kind)(int(count), generator=random)


def make() -> None:
    tensors = {}
    for seed in SEEDS:
        for length in LENGTHS:
            tensors[f"randn/{seed}/{length}"] = torch.randn(length, generator=generator(seed))
    for seed in (0, 42, 2**32 + 7):
        tensors[f"randn/{seed}/4096"] = torch.randn(4096, generator=generator(seed))
    for name, sequence in SEQUENCES.items():
        for seed in (3, 2**32 + 7):
            random = generator(seed)
            for index, step in enumerate(sequence.split(";")):
                tensors[f"sequence/{name}/{seed}/{index}"] = draw(step, random)
    save_tensors("rng/rng.safetensors", tensors)
    save_json("rng/rng.json", {"seeds": [str(seed) for seed in SEEDS], "lengths": LENGTHS, "sequences": SEQUENCES,
                               "sequence_seeds": ["3", str(2**32 + 7)]})
