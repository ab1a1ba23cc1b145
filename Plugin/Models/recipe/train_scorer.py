#!/usr/bin/env python3
"""Trains the scorer on one GPU, on all subjects of the atlas.

  train_scorer.py --corpus RUN/corpus.safetensors --names NAMES.json --output FOLDER --seconds 150
NAMES.json: {"subjects": [...], "places": [...]} in the order of the corpus file. Clips from the last twentieth of the file are
kept for the figures.
"""
import argparse
import json
import math
import time

import torch
import torch.nn.functional as F

import scorer
from corpus import Corpus


def pictures(corpus, first, last, count, device):
    clips = torch.randint(first, last, (count,), device=device)
    sprites = torch.randint(len(corpus.sprites[0]), (count,), device=device)
    pixels, alpha = corpus.draw(clips, torch.randint(corpus.frames, (count,), device=device), sprites)
    return pixels[:, 0], F.avg_pool2d(alpha[:, 0], 8), sprites, corpus.columns["place"][clips]


def through_code(corpus, pixels):
    """A quarter of the pictures as the patch code with noise shows them."""
    count = pixels.shape[0] // 4
    codes = corpus.encode(pixels[:count, None])
    noise = torch.randn_like(codes) * torch.rand(count, 1, 1, 1, 1, device=pixels.device) * 0.4
    return torch.cat([corpus.decode(codes + noise)[:, 0].clamp(-1, 1), pixels[count:]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--names", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--pictures", type=int, default=256)
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    corpus, names = Corpus(arguments.corpus, device), json.load(open(arguments.names))
    torch.manual_seed(7)
    model = scorer.SceneScorer(len(names["subjects"]), len(names["places"])).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01)
    limit = corpus.clips * 19 // 20
    start, step, told = time.time(), 0, 0.0
    while (done := (time.time() - start) / arguments.seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        with torch.no_grad():
            pixels, coverage, subject, place = pictures(corpus, 0, limit, arguments.pictures, device)
            pixels = scorer.augment(through_code(corpus, pixels))
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss, parts = scorer.loss(model, pixels, coverage, subject, place)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        step += 1
        if time.time() - start - told >= 15:
            told = time.time() - start
            print(f"{step} {loss.item():.4f} { {k: round(v.item(), 4) for k, v in parts.items()} } {told:.0f} s", flush=True)
    with torch.no_grad():
        found = [scorer.accuracy(model, *pictures(corpus, limit, corpus.clips, 256, device)) for _ in range(8)]
    figures = {k: sum(f[k] for f in found) / len(found) for k in found[0]}
    print(step, figures, flush=True)
    scorer.save(model, arguments.output, names["subjects"], names["places"], corpus.size, figures)


if __name__ == "__main__":
    main()
