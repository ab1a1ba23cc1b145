"""Overlapping windows over the frames of clips that are longer than what the model sees at once, on tiny-zeroscope.

In each denoising or inversion step every window is predicted by itself, with the embedding's rows there; where windows overlap,
the mean is taken with weights sin^2((i + 1/2) pi / length). Learning draws one window a step. m is debiased before its rows are taken.
"""

import sampling_reference
import tiny_folders
import torch
from ddim_inversion_reference import invert
from golden_writer import ROOT, generator, save_tensors
from motion_inversion_goldens import SETTINGS, encode, reference_clip
from motion_inversion_reference import Motion, MotionUNet, debias
from safetensors.torch import load_file

FOLDER = "tiny-zeroscope"
CASES = {"4-2": (4, 2), "3-1": (3, 1)}


def windows(frames: int, length: int, overlap: int) -> list[range]:
    starts = [*range(0, frames - length, length - overlap), frames - length]
    return [range(start, start + length) for start in starts]


def rows(tensors: dict[str, torch.Tensor], window: range) -> dict[str, torch.Tensor]:
    return {key: m[:, window.start : window.stop] for key, m in tensors.items()}


def predict(unet: MotionUNet, z, t, text, case: tuple[int, int], tensors=None) -> torch.Tensor:
    total, weights = torch.zeros_like(z), torch.zeros(z.shape[2])
    for window in windows(z.shape[2], *case):
        part = slice(window.start, window.stop)
        weight = torch.sin((torch.arange(case[0], dtype=torch.float64) + 0.5) * torch.pi / case[0]).square().float()
        motion = None if tensors is None else Motion(rows(tensors, window))
        total[:, :, part] += unet(z[:, :, part], t, text, motion) * weight[:, None, None]
        weights[part] += weight
    return total / weights[:, None, None]


def make() -> None:
    pipeline = tiny_folders.load(FOLDER)
    unet = MotionUNet(pipeline.unet)
    learned = load_file(ROOT / FOLDER / "golden/learned.motion.safetensors")
    start = torch.randn(learned.pop("inversion_noise")[None].shape, generator=generator(SETTINGS["sampling_seed"]))
    debiased = {key: m if key.endswith("pos_embed") else debias(m, "difference") for key, m in learned.items()}
    text, empty = (sampling_reference.encode_prompt(pipeline, p) for p in (SETTINGS["reference_prompt"], ""))
    tensors = {}
    for name, case in CASES.items():
        with torch.no_grad():
            trace = sampling_reference.sample(
                pipeline, start, SETTINGS["prompt"], SETTINGS["negative_prompt"], SETTINGS["num_inference_steps"],
                SETTINGS["guidance_scale"], predict=lambda z, t, text: predict(unet, z, t, text, case, debiased))
            tensors[f"{name}/frames"] = sampling_reference.decode_frames(pipeline, trace[-1])
        random = generator(SETTINGS["seed"])
        latents = encode(pipeline, reference_clip(), random)
        with torch.no_grad():
            inversion = invert(pipeline.scheduler, SETTINGS["ddim_inversion_steps"], latents,
                               lambda z, t: predict(unet, z, t, empty, case))
        tensors[f"{name}/inversion_noise"] = inversion[-1][0]
        leaves = {key: torch.zeros(shape).requires_grad_() for key, shape in unet.shapes(latents, text).items()}
        optimizer = torch.optim.AdamW(leaves.values(), lr=0.02, weight_decay=0.01)
        losses = []
        for _ in range(SETTINGS["inversion_steps"]):
            first = torch.randint(0, latents.shape[2] - case[0] + 1, (1,), generator=random).item()
            window = range(first, first + case[0])
            clip = latents[:, :, first : first + case[0]]
            t = torch.randint(0, pipeline.scheduler.config.num_train_timesteps, (1,), generator=random)
            noise = torch.randn(clip.shape, generator=random)
            output = unet(pipeline.scheduler.add_noise(clip, noise, t), t, text, Motion(rows(leaves, window)))
            loss = torch.nn.functional.mse_loss(output, noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        tensors[f"{name}/losses"] = torch.tensor(losses)
    save_tensors(f"{FOLDER}/golden/frame_windows.safetensors", tensors)
