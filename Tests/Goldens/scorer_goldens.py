"""The scorer of the bundled model's domain with random weights: what it says about two random pictures."""

import sys

import torch
from golden_writer import ROOT, folder, generator, randomize, save_tensors

sys.path.insert(0, str(ROOT.parent.parent / "Plugin/Models/recipe"))
import scorer  # noqa: E402


def make() -> None:
    model = randomize(scorer.SceneScorer(4, 3, channels=(4, 8, 8, 12), strides=(2, 2, 1, 2), groups=2), 131, gain=1.5)
    # What the file holds is what both compute with.
    model = model.half().float()
    scorer.save(model, folder("scorer"), ["frog", "pig", "car", "star"], ["on grass", "at night", "on blue"], size=32)
    pixels = torch.rand((2, 3, 32, 32), generator=generator(132)) * 2 - 1
    with torch.no_grad():
        mask, features, subject, place = model(pixels)
    save_tensors("scorer/golden.safetensors", {
        "pixels": pixels, "mask": mask.sigmoid(), "features": features, "subject": subject, "place": place})
