"""The scorer of the bundled model's domain: which subject and which place a frame shows, and where the subject is.

A small convolutional network over single frames (N, 3, 128, 128) in -1 ... 1. It gives, on a grid of 16x16 cells of 8x8
pixels, how much of each cell the subject covers; the subject from the features under that mask, and the place
from the features outside it. Sources/Metrics/SceneScorer.swift computes the same; `save` writes what it loads.
"""
import json
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

CHANNELS = (24, 48, 64, 96, 128, 128, 128)
STRIDES = (2, 2, 1, 2, 1, 1, 1)
GROUPS = 8


class SceneScorer(nn.Module):
    """Mask, subject and place of single frames; about half a million parameters."""

    def __init__(self, subjects, places, channels=CHANNELS, strides=STRIDES, groups=GROUPS):
        super().__init__()
        self.strides, self.groups = tuple(strides), groups
        inputs = (3, *channels[:-1])
        self.convs = nn.ModuleList(
            nn.Conv2d(i, o, 3, stride=s, padding=1) for i, o, s in zip(inputs, channels, strides))
        self.norms = nn.ModuleList(nn.GroupNorm(groups, o) for o in channels)
        self.mask = nn.Conv2d(channels[-1], 1, 1)
        self.subject = nn.Linear(channels[-1], subjects)
        self.place = nn.Linear(2 * channels[-1], places)

    def forward(self, pixels):
        """pixels (N, 3, H, W) -> mask logits (N, 1, H/8, W/8), subject features (N, C), subject logits, place logits."""
        x = pixels
        for conv, norm in zip(self.convs, self.norms):
            x = F.silu(norm(conv(x)))
        mask_logits = self.mask(x)
        mask = mask_logits.float().sigmoid()
        x = x.float()
        features, _ = weighted_moments(x, mask)
        mean, deviation = weighted_moments(x, 1 - mask)
        return mask_logits, features, self.subject(features), self.place(torch.cat([mean, deviation], 1))


def weighted_moments(x, weights):
    """Mean and deviation over the grid of x (N, C, h, w), each (N, C), weighted by weights (N, 1, h, w)."""
    total = weights.sum((2, 3)) + 1e-4
    mean = (x * weights).sum((2, 3)) / total
    squares = (x - mean[:, :, None, None]) ** 2
    return mean, ((squares * weights).sum((2, 3)) / total + 1e-5).sqrt()


def loss(model, pixels, coverage, subject, place):
    """What training minimises, and its parts.

    pixels (N, 3, 128, 128); coverage (N, 1, 16, 16): mean alpha of the subject in each cell, 0 ... 1; subject, place (N): int64.
    A frame whose subject covers less than two cells says nothing about the subject's class.
    """
    mask_logits, _, subject_logits, place_logits = model(pixels)
    mask_loss = F.binary_cross_entropy_with_logits(mask_logits.float(), coverage.float())
    visible = (coverage.sum((1, 2, 3)) / 2).clamp(0, 1)
    subject_losses = F.cross_entropy(subject_logits.float(), subject, reduction="none", label_smoothing=0.05)
    subject_loss = (subject_losses * visible).sum() / visible.sum().clamp(min=1)
    place_loss = F.cross_entropy(place_logits.float(), place, label_smoothing=0.05)
    total = 4 * mask_loss + subject_loss + place_loss
    return total, {"mask": mask_loss.detach(), "subject": subject_loss.detach(), "place": place_loss.detach()}


@torch.no_grad()
def accuracy(model, pixels, coverage, subject, place):
    """Shares of right subjects (of frames that show two cells of it) and places, and the mean error of the centroid in
    cells, as floats."""
    mask_logits, _, subject_logits, place_logits = model(pixels)
    visible = coverage.sum((1, 2, 3)) >= 2
    right = (subject_logits.argmax(1) == subject)[visible].float().mean()
    error = (centroid(mask_logits.float().sigmoid()) - centroid(coverage.float()))[visible].norm(dim=1).mean()
    return {
        "subject": right.item(), "place": (place_logits.argmax(1) == place).float().mean().item(),
        "centroid": error.item()}


def centroid(mask, floor=0.3):
    """Centre of a mask (N, 1, h, w) in cells, (N, 2) as x, y; cells below the floor do not count."""
    weights = torch.where(mask < floor, 0, mask)
    total = weights.sum((2, 3)).clamp(min=1e-6)
    rows = torch.arange(mask.shape[2], device=mask.device) + 0.5
    columns = torch.arange(mask.shape[3], device=mask.device) + 0.5
    x = (weights.sum(2) * columns).sum(2) / total
    y = (weights.sum(3) * rows).sum(2) / total
    return torch.cat([x, y], 1)


@torch.no_grad()
def augment(pixels, warp=2.5):
    """Clean frames as a small generative model would make them: blurred, bent, noisy, off in colour; a third stays clean.

    pixels (N, 3, H, W) in -1 ... 1, on any device; the mask of a frame stays right, for nothing moves by more than `warp` pixels.
    """
    count, size = pixels.shape[0], pixels.shape[-1]
    device = pixels.device

    def draw(low, high, *shape):
        return torch.rand(count, *shape, device=device) * (high - low) + low

    x = bend(pixels, warp * draw(0, 1, 1, 1, 1))
    blurred = []
    for part in x.chunk(6):
        edge = int(size * (0.3 + 0.6 * torch.rand(()).item()))
        small = F.interpolate(part, (edge, edge), mode="bilinear", antialias=True)
        blurred.append(F.interpolate(small, (size, size), mode="bilinear"))
    share = (draw(-0.5, 1.2, 1, 1, 1)).clamp(0, 1)
    x = torch.cat(blurred) * share + x * (1 - share)
    x = x * draw(0.85, 1.15, 1, 1, 1) * draw(0.94, 1.06, 3, 1, 1) + draw(-0.1, 0.1, 1, 1, 1) + draw(-0.05, 0.05, 3, 1, 1)
    # Fine noise, and the blotches of a coarse latent.
    x = x + torch.randn_like(x) * draw(0, 0.1, 1, 1, 1)
    coarse = torch.randn(count, 3, size // 8, size // 8, device=device) * draw(-0.05, 0.12, 1, 1, 1).clamp(min=0)
    x = x + F.interpolate(coarse, (size, size), mode="bilinear")
    keep = torch.rand(count, 1, 1, 1, device=device) < 1 / 3
    return torch.where(keep, pixels, x.clamp(-1, 1))


def bend(pixels, amplitudes):
    """Frames (N, 3, H, W) under a smooth random displacement of about `amplitudes` (N, 1, 1, 1) pixels."""
    count, _, height, width = pixels.shape
    coarse = torch.randn(count, 2, 8, 8, device=pixels.device).clamp(-1.5, 1.5) / 1.5
    field = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True) * amplitudes
    rows = torch.linspace(-1, 1, height, device=pixels.device)
    columns = torch.linspace(-1, 1, width, device=pixels.device)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], -1)
    steps = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=pixels.device)
    moved = grid[None] + field.permute(0, 2, 3, 1) * steps
    return F.grid_sample(pixels, moved.to(pixels.dtype), mode="bilinear", padding_mode="border", align_corners=True)


def save(model, folder, subjects, places, size=128, accuracy=None):
    """Writes scorer.safetensors (float16, names of the state dict) and config.json.

    subjects: names in the order of the atlas; places: caption words in the order of the class numbers; accuracy: on held-out
    clips, for the reader of the file only.
    """
    os.makedirs(folder, exist_ok=True)
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "scorer.safetensors"))
    config = {
        "size": size, "channels": [conv.out_channels for conv in model.convs], "strides": list(model.strides),
        "groups": model.groups, "subjects": list(subjects), "places": list(places)}
    if accuracy is not None:
        config["accuracy"] = {name: round(value, 5) for name, value in accuracy.items()}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
