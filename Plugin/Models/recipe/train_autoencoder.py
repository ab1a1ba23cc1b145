#!/usr/bin/env python3
"""Trains the autoencoder's decoder of a model folder on one GPU: the autoencoder stage of `motiontransfer train`.

  train_autoencoder.py --corpus RUN/corpus.safetensors --model FOLDER --seconds 300
"""
import argparse
import math
import time

import torch

from corpus import Corpus
from decoder import decode
from folder import Folder, part


def differences(error):
    """Mean absolute difference of neighbours in both directions; error (B, F, H, W, 3)."""
    return (error[:, :, 1:] - error[:, :, :-1]).abs().mean() + (error[:, :, :, 1:] - error[:, :, :, :-1]).abs().mean()


def pictures(corpus, count, device):
    clips = torch.randint(corpus.clips, (count,), device=device)
    sprites = torch.randint(len(corpus.sprites[0]), (count,), device=device)
    pixels = corpus.draw(clips, torch.randint(corpus.frames, (count,), device=device), sprites)[0]
    return pixels.permute(0, 1, 3, 4, 2), corpus.encode(pixels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--noise", type=float, default=0.25, help="largest deviation of the noise on the codes")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    corpus, folder = Corpus(arguments.corpus, device), Folder(arguments.model)
    parameters = folder.parameters(device, "vae.decoder.", "vae.post_quant_conv.")
    torch.manual_seed(1)
    start, step, told, losses = time.time(), 0, 0.0, []
    while (done := (time.time() - start) / arguments.seconds) < 1:
        with torch.no_grad():
            pixels, latents = pictures(corpus, arguments.pictures, device)
            deviation = torch.rand(arguments.pictures, 1, 1, 1, 1, device=device) * arguments.noise
            latents = latents + torch.randn_like(latents) * deviation
        weights = part(parameters.views(dtype), "vae")
        error = decode(weights, folder.configs["vae"], latents.to(dtype)).float() - pixels
        loss = error.abs().mean() + 0.5 * differences(error)
        loss.backward()
        rate = arguments.rate * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        parameters.update(rate, 0.998)
        losses.append(loss.detach())
        step += 1
        if time.time() - start - told >= 15:
            told = time.time() - start
            print(f"{step} {torch.stack(losses).mean().item():.5f} {told:.0f} s", flush=True)
            losses = []
    with torch.no_grad():
        pixels, latents = pictures(corpus, 64, device)
        weights = part(parameters.views(torch.float32, parameters.average), "vae")
        error = decode(weights, folder.configs["vae"], latents).clamp(-1, 1) - pixels
        print(f"{step} steps, decoder {-10 * math.log10(error.square().mean().item() / 4):.1f} dB", flush=True)
    folder.take(parameters)
    folder.write("vae")


if __name__ == "__main__":
    main()
