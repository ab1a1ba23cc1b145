#!/usr/bin/env python3
"""Learns motion embeddings of many references at once on one GPU and scores what they move, setting by setting.

  tune_motion.py --corpus RUN/corpus.safetensors --model FOLDER --scorer FOLDER --seconds 100 --output FILE.jsonl [--sheet FILE.png]
Motion Inversion as Sources/MotionTransfer has it (AdamW, one noise draw a step). References are clips of the corpus in which
a subject that is never trained on replaces the clip's own. It only chooses what `motion_transfer.json` recommends: the
figures that count are those of `motiontransfer measure`.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F

import diffusion
import scorer
from corpus import Corpus
from decoder import decode
from folder import Folder, part
from replay import Replayed
from unet import TextEncoder, UNet3D

HELD_OUT = ("duck", "football", "boy", "taxi")


def sites(config, which):
    finest = "down_blocks.1.temp_attentions.0 up_blocks.1.temp_attentions.0 up_blocks.1.temp_attentions.1".split()
    deeper = "down_blocks.2.temp_attentions.0 up_blocks.0.temp_attentions.0 up_blocks.0.temp_attentions.1".split()
    return {"finest": finest, "up": finest[1:], "all": finest + deeper, "finest+in": finest + ["transformer_in"]}[which]


def width(weights, site):
    return weights[f"{site}.transformer_blocks.0.norm1.weight"].shape[0]


class Inversion:
    def __init__(self, corpus, folder, device):
        self.corpus, self.device, self.folder = corpus, device, folder
        self.dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self.unet, self.bars = UNet3D(folder.configs["unet"]), diffusion.alpha_bars(device)
        weights = {n: t.detach() for n, t in folder.parameters(device, "unet.", "text_encoder.").views(self.dtype).items()}
        self.weights, text = part(weights, "unet"), part(weights, "text_encoder")
        self.text = lambda tokens: TextEncoder(folder.configs["text_encoder"])(text, tokens)

    def learn(self, latents, tokens, rate, steps, law, which):
        """latents (R, F, h, w, C): one embedding for each. Returns block -> qk, v1, v2 with a batch axis."""
        count, frames, height, w, _ = latents.shape
        motion = {}
        for site in sites(self.unet.config, which):
            down = {"transformer_in": 0, "down_blocks.1": 1, "up_blocks.1": 1}.get(site.rsplit(".temp", 1)[0], 2)
            cells, c = (height >> down) * (w >> down), width(self.weights, site)
            make = lambda n: torch.zeros(count, frames, n, c, device=self.device, requires_grad=True)
            motion[site] = {"qk": make(1), "v1": make(cells), "v2": make(cells)}
        leaves = [t for m in motion.values() for t in m.values()]
        optimizer = torch.optim.AdamW(leaves, rate, weight_decay=0.01, capturable=self.device == "cuda")
        text = self.text(tokens)

        def step(t, noise):
            noisy, target = diffusion.noised(latents, noise, self.bars[t])
            prediction = self.unet(self.weights, noisy.to(self.dtype), t, text, motion)
            loss = F.mse_loss(prediction.float(), target, reduction="none").flatten(1).mean(1).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        for i in range(steps):
            u = torch.rand(count, device=self.device)
            t = ((1 - u * u if law == "high" else u) * 1000).long().clamp(max=999)
            noise = torch.randn_like(latents)
            if i == 0 and self.device == "cuda":
                step = Replayed(step, t=t, noise=noise)
            loss = step(t=t, noise=noise)
        return {s: {k: t.detach() for k, t in m.items()} for s, m in motion.items()}, loss.item() / count

    @staticmethod
    def debiased(motion, mode, scale, repeats):
        def value(v):
            if mode == "difference":
                v = torch.cat([v[:, :1], v[:, 1:] - v[:, :-1]], 1)
            elif mode == "difference-zero":
                v = torch.cat([v[:, :1] * 0, v[:, 1:] - v[:, :-1]], 1)
            elif mode == "normalize":
                v = v - v.mean(1, keepdim=True)
            return v
        clean = lambda k, t: (t if k == "qk" else value(t)).repeat_interleave(repeats, 0) * scale
        return {s: {k: clean(k, t) for k, t in m.items()} for s, m in motion.items()}

    @torch.no_grad()
    def sample(self, tokens, noise, motion=None, guidance=5.0, steps=20):
        empty = torch.full_like(tokens, int(tokens[0, -1]))
        empty[:, 0] = tokens[:, 0]
        free, bound = self.text(empty), self.text(tokens)
        predict = lambda x, t: [
            self.unet(self.weights, x.to(self.dtype), torch.full((x.shape[0],), t, device=x.device), text, motion).float()
            for text in (free, bound)]
        return diffusion.sample(predict, noise, steps, guidance)

    @torch.no_grad()
    def pictures(self, latents):
        """(B, F, 3, size, size) in -1 ... 1, through the decoder."""
        views = self.folder.parameters(self.device, "vae.decoder.", "vae.post_quant_conv.").views(self.dtype)
        out = [decode(part(views, "vae"), self.folder.configs["vae"], z.to(self.dtype)) for z in latents.split(16)]
        return torch.cat(out).float().clamp(-1, 1).permute(0, 1, 4, 2, 3)


@torch.no_grad()
def look(model, pixels):
    """Per frame: subject, place (B, F), centre (B, F, 2) in frame edges, size (B, F)."""
    b, f = pixels.shape[:2]
    found = [model(p) for p in pixels.flatten(0, 1).split(1024)]
    mask = torch.cat([m[0] for m in found]).float().sigmoid()
    centre = scorer.centroid(mask) / mask.shape[-1]
    classes = lambda i: torch.cat([m[i] for m in found]).argmax(1).view(b, f)
    return classes(2), classes(3), centre.view(b, f, 2), mask.mean((1, 2, 3)).sqrt().view(b, f)


def score(model, pixels, want, reference, truth, travels):
    subject, place, centre, size = look(model, pixels)
    middle = lambda x: x - x.mean(1, keepdim=True)
    a, b = middle(truth).flatten(1), middle(centre).flatten(1)
    cosine, amplitude = F.cosine_similarity(a, b)[travels], (b.norm(dim=1) / a.norm(dim=1))[travels]
    mean = lambda x: round(x.float().mean().item(), 3)
    return {
        "cos": mean(cosine), "above_0.8": mean(cosine > 0.8), "amplitude": mean(amplitude),
        "subject": mean(subject == want[0][:, None]), "place": mean(place == want[1][:, None]),
        "leak": mean((subject == reference[0][:, None]) | (place == reference[1][:, None]))}


def main():
    parser = argparse.ArgumentParser()
    for name in ("corpus", "model", "scorer", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--references", type=int, default=24)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--sheet")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    start = time.time()
    corpus, folder = Corpus(arguments.corpus, device), Folder(arguments.model)
    inversion = Inversion(corpus, folder, device)
    config = json.load(open(f"{arguments.scorer}/config.json"))
    model = scorer.SceneScorer(len(config["subjects"]), len(config["places"]))
    from safetensors.torch import load_file
    model.load_state_dict({k: v.float() for k, v in load_file(f"{arguments.scorer}/scorer.safetensors").items()})
    model = model.to(device).eval()
    torch.manual_seed(3)

    # References: clips that travel, some of which a held-out subject plays.
    c, count, repeats = corpus.columns, arguments.references, 4
    path = c["poses"][:4000, :, :2]
    travel = (path - path.mean(1, keepdim=True)).flatten(1).norm(dim=1)
    still = (c["cameras"][:4000, :, 2] - 1).abs().amax(1) + c["cameras"][:4000, :, :2].abs().amax((1, 2)) == 0
    inside = (path > 0.1).all(2).all(1) & (path < 0.9).all(2).all(1)
    clips = ((travel > 0.4) & still & inside).nonzero()[:count, 0]
    count = len(clips)
    held = torch.tensor([config["subjects"].index(s) for s in HELD_OUT], device=device)
    own = torch.where(torch.arange(count, device=device) % 2 == 0, held[torch.arange(count, device=device) % 4], c["sprite"][clips])
    latents = corpus.encode(corpus.draw(clips, sprites=own)[0])
    # The text of a clip with a held-out subject says nothing of it.
    tokens = torch.where((own == c["sprite"][clips])[:, None], c["plain_tokens"][clips], c["tokens"][c["tokens"][:, 1] == c["tokens"][:, 2]][:1])
    travels = torch.ones(count * repeats, dtype=torch.bool, device=device)

    # Targets: other clips' subjects and places, neither the reference's.
    pool = torch.arange(5000, 5000 + 40 * count * repeats, device=device) % corpus.clips
    chosen = []
    for i in range(count * repeats):
        r = i // repeats
        fits = (c["sprite"][pool] != own[r]) & (c["place"][pool] != c["place"][clips[r]])
        chosen.append(pool[fits][i])
    chosen = torch.stack(chosen)
    want = (c["sprite"][chosen], c["place"][chosen])
    reference = (own.repeat_interleave(repeats), c["place"][clips].repeat_interleave(repeats))
    truth = path[clips].repeat_interleave(repeats, 0)
    noise = torch.randn(count * repeats, *latents.shape[1:], device=device)
    output = open(arguments.output, "w")

    def row(name, motion, guidance=5.0, steps=20):
        pixels = inversion.pictures(inversion.sample(c["plain_tokens"][chosen], noise, motion, guidance, steps))
        line = {"setting": name, "guidance": guidance, "sampling": steps, **score(model, pixels, want, reference, truth, travels)}
        print(json.dumps(line), file=output, flush=True)
        print(f"{time.time() - start:.0f} s", line, flush=True)
        return pixels

    free = [row("none", None, g, n) for g, n in ((5.0, 20), (8.0, 20), (3.0, 20))][0]
    settings = [
        (0.1, "uniform", "finest", 1), (0.05, "uniform", "finest", 1), (0.1, "uniform", "finest", 0.6), (0.1, "uniform", "all", 1),
        (0.05, "uniform", "all", 1), (0.1, "uniform", "finest+in", 1), (0.05, "high", "finest", 1), (0.1, "high", "finest", 1)]
    modes = (("normalize", 1), ("normalize", 1.2), ("difference", 1), ("difference-zero", 1.5), ("none", 1))
    shown = None
    for rate, law, which, share in settings:
        if time.time() - start > arguments.seconds:
            break
        steps = int(arguments.steps * share)
        motion, loss = inversion.learn(latents, tokens, rate, steps, law, which)
        name = f"rate {rate} {law} {which} {steps} steps loss {loss:.3f}"
        for mode, scale in modes:
            pixels = row(f"{name}: {mode} x{scale}", inversion.debiased(motion, mode, scale, repeats))
            shown = pixels if mode == "normalize" and shown is None else shown
    if arguments.sheet:
        from PIL import Image
        drawn = corpus.draw(clips[:6], sprites=own[:6])[0]
        rows = [torch.cat(list(clip[::2]), 2) for i in range(6) for clip in (drawn[i], free[i * repeats], shown[i * repeats], shown[i * repeats + 1])]
        picture = ((torch.cat(rows, 1) + 1) * 127.5).byte().permute(1, 2, 0).cpu().numpy()
        Image.fromarray(picture).save(arguments.sheet, quality=85)


if __name__ == "__main__":
    main()
