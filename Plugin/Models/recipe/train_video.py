#!/usr/bin/env python3
"""Trains UNet and text encoder of a model folder on one GPU: the video stage of `motiontransfer train`, larger.

  train_video.py --corpus RUN/corpus.safetensors --model FOLDER --seconds 600 --graph
  train_video.py --corpus RUN/corpus.safetensors --model FOLDER --follow 20 --rate 0.002 --steps 4000 --seed 1

The second form takes the first steps of the engine's own trainer, with its examples, draws and schedule, in float32, and
prints their losses: they must be the engine's.
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F

import diffusion
from corpus import Corpus
from folder import Folder, part
from replay import Replayed
from unet import TextEncoder, UNet3D

PICTURE_INTERVAL = 5  # every n-th step sees pictures


class Trainer:
    def __init__(self, folder, device, dtype):
        self.device, self.dtype = device, dtype
        self.unet, self.text = UNet3D(folder.configs["unet"]), TextEncoder(folder.configs["text_encoder"])
        self.parameters = folder.parameters(device, "unet.", "text_encoder.")
        self.bars = diffusion.alpha_bars(device)

    def step(self, latents, tokens, timesteps, noise, rate, averaging, weight=1.0):
        """weight: of every cell's error, (B, F, h, w, 1). Returns the loss without weights."""
        weights = self.parameters.views(self.dtype)
        noisy, target = diffusion.noised(latents, noise, self.bars[timesteps])
        text = self.text(part(weights, "text_encoder"), tokens)
        prediction = self.unet(part(weights, "unet"), noisy.to(self.dtype), timesteps, text)
        error = (prediction.float() - target).square()
        (error * weight).mean().backward()
        self.parameters.update(rate, averaging)
        return error.detach().mean()


def examples(corpus, count, pictures):
    """Random clips or single frames of them: what a step takes, drawn but for its pixels."""
    device = corpus.device
    clips = torch.randint(corpus.clips, (count,), device=device)
    tokens = corpus.columns["plain_tokens" if pictures else "tokens"][clips]
    if pictures:
        empty = corpus.columns["tokens"][:, 1] == corpus.columns["tokens"][:, 2]
        tokens = torch.where(torch.rand(count, 1, device=device) < 0.1, corpus.columns["tokens"][empty][:1], tokens)
    spread = (torch.arange(count, device=device) + torch.rand(count, device=device)) / count
    timesteps = (spread * 1000).long().clamp(max=999)[torch.randperm(count, device=device)]
    return {"clips": clips, "tokens": tokens, "timesteps": timesteps, "moment": torch.randint(corpus.frames, (count,), device=device)}


def train(arguments, corpus, folder, device):
    trainer = Trainer(folder, device, torch.bfloat16 if device == "cuda" else torch.float32)
    torch.manual_seed(arguments.seed)
    start, step, losses, told, replayed = time.time(), 0, {}, 0.0, {}

    def one(pictures):
        def function(clips, tokens, timesteps, moment, noise, rate, emphasis):
            with torch.no_grad():
                pixels, alpha = corpus.draw(clips, moment if pictures else None)
                latents = corpus.encode(pixels)
                # Subjects fill a tenth of a frame: their cells count for more, less so towards the end.
                share = F.avg_pool2d(alpha.flatten(0, 1), 8).reshape(*latents.shape[:-1], 1)
                weight = 1 + emphasis * share
                weight = weight / weight.mean()
            return trainer.step(latents, tokens, timesteps, noise, rate, 0.999, weight)
        return function

    while (done := (time.time() - start) / arguments.seconds) < 1:
        pictures = done < arguments.picture_share or step % PICTURE_INTERVAL == 0
        count, frames = (arguments.pictures, 1) if pictures else (arguments.clips, corpus.frames)
        rise = min(1, (step + 1) / 200)
        rate = arguments.rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        scalar = lambda x: torch.tensor(x, device=device)
        edge = corpus.size // 8
        inputs = examples(corpus, count, pictures) | {
            "noise": torch.randn(count, frames, edge, edge, len(corpus.encoder), device=device), "rate": scalar(rate),
            "emphasis": scalar(arguments.emphasis * min(1.0, 3.0 * (1 - done)))}
        if not arguments.graph:
            function = one(pictures)
        elif pictures not in replayed:
            function = replayed[pictures] = Replayed(one(pictures), **inputs)
        else:
            function = replayed[pictures]
        losses.setdefault(frames, []).append(function(**inputs).clone())
        step += 1
        if device == "cuda":
            torch.cuda.synchronize()  # the schedule follows the clock
        if time.time() - start - told >= arguments.interval:
            told = time.time() - start
            means = {f: round(torch.stack(l).mean().item(), 4) for f, l in sorted(losses.items())}
            print(f"{step} {done:.3f} {means} {told:.0f} s", flush=True)
            losses = {}
    folder.take(trainer.parameters)
    folder.write("unet", "text_encoder")
    print(f"{step} steps", flush=True)


def follow(arguments, folder, device):
    """Sources/Training/VideoTrainer.swift, draw for draw."""
    from safetensors.torch import load_file

    data, trainer = load_file(arguments.corpus), Trainer(folder, device, torch.float32)
    for step in range(arguments.follow):
        latents, tokens = data[f"latents.{step}"], data[f"example_tokens.{step}"].long()
        count = latents.shape[0]
        generator = torch.Generator().manual_seed(arguments.seed * 1_000_003 + step)
        uniform = torch.stack([torch.rand(1, generator=generator) for _ in range(count)])[:, 0]
        timesteps = ((torch.arange(count) + uniform) * 1000 / count).long()
        noise = torch.randn(latents.shape, generator=generator)
        warm = min(100, arguments.steps // 10)
        rise = min(1, (step + 1) / max(warm, 1))
        rate = arguments.rate * rise * (0.04 + 0.96 * max(0, 1 - step / max(arguments.steps, 1)))
        print(f"{step + 1} {trainer.step(latents, tokens, timesteps, noise, rate, 0.998).item():.6f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--graph", action="store_true", help="record a step as a CUDA graph")
    parser.add_argument("--emphasis", type=float, default=3, help="extra weight of subjects' cells, fading in the last third")
    parser.add_argument("--picture-share", type=float, default=0.1, help="of the time, before the first clip; 0 goes on")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--interval", type=float, default=15)
    parser.add_argument("--follow", type=int, default=0)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    folder = Folder(arguments.model)
    if arguments.follow:
        follow(arguments, folder, "cpu")
    else:
        train(arguments, Corpus(arguments.corpus, device), folder, device)


if __name__ == "__main__":
    main()
