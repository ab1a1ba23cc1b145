"""Motion Inversion on the tiny folders: forward in every debias mode, gradients, learning, inversion, sampling."""

import sampling_reference
import tiny_folders
import torch
from ddim_inversion_reference import invert
from golden_writer import generator, save_json, save_tensors
from motion_inversion_reference import Motion, MotionUNet, learn

MODES = ["difference", "normalize", "none", "camera"]
SETTINGS = dict(reference_prompt="a man is walking on the beach", frames=8, height=16, width=24, seed=5,
                inversion_steps=10, ddim_inversion_steps=10, prompt="a white bear walking to the left",
                negative_prompt="", sampling_seed=7, num_inference_steps=4, guidance_scale=9.0, noise_prior=0.5)
RATES = {"tiny-zeroscope": [0.02, 0.05], "tiny-vpred": [0.02]}


def reference_clip() -> torch.Tensor:
    """A disc that moves over a slanted ground: (F,H,W,3) bytes."""
    frames, height, width = (SETTINGS[key] for key in ("frames", "height", "width"))
    f = torch.arange(frames)[:, None, None]
    y, x = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]
    inside = (x - 3 - 2 * f) ** 2 + (y - 8) ** 2 <= 16
    ground = torch.stack([5 * x + 3 * y + 0 * f, 200 - 4 * x - 0 * y - 3 * f, 60 + 6 * y + 2 * x + 0 * f], dim=-1)
    disc = torch.tensor([250, 40, 90])
    return torch.where(inside[..., None], disc, ground).to(torch.uint8)


def write_modes(name: str, pipeline, unet: MotionUNet) -> None:
    """Random embeddings: what the UNet says in each mode, and the gradients of the base loss."""
    random = generator(81)
    sample = torch.randn((1, 4, 5, 5, 7), generator=random)
    noise = torch.randn(sample.shape, generator=random)
    text = torch.cat([sampling_reference.encode_prompt(pipeline, prompt) for prompt in ("", "a red fox")])
    t = torch.tensor([501])
    shapes = unet.shapes(sample, text[:1])
    embedding = {key: 0.5 * torch.randn(shape, generator=random) for key, shape in shapes.items()}
    tensors = {"sample": sample, "timesteps": t, "text": text, "noise": noise} | {
        f"embedding/{key}": value for key, value in embedding.items()}
    both = torch.cat([sample, sample])
    with torch.no_grad():
        tensors["output/without"] = unet(both, t, text)
        for mode in MODES:
            tensors[f"output/{mode}"] = unet(both, t, text, Motion(embedding, mode))
        tensors["output/difference_scale_0.5"] = unet(both, t, text, Motion(embedding, "difference", 0.5))
    for value in embedding.values():
        value.requires_grad_()
    loss = torch.nn.functional.mse_loss(unet(sample, t, text[1:], Motion(embedding)), noise)
    loss.backward()
    tensors |= {"loss": loss} | {f"gradient/{key}": value.grad for key, value in embedding.items()}
    save_tensors(f"{name}/golden/motion_modes.safetensors", tensors)


def encode(pipeline, clip: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Posterior sample of a clip (F,H,W,3): latents (1,C,F,h,w). Draws noise (F,C,h,w)."""
    posterior = pipeline.vae.encode(clip.permute(0, 3, 1, 2) / 127.5 - 1).latent_dist
    latents = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=random)
    return (latents * pipeline.vae.config.scaling_factor).transpose(0, 1)[None]


@torch.no_grad()
def sample(pipeline, unet: MotionUNet, motion: Motion | None, inverted: torch.Tensor, prior: float) -> torch.Tensor:
    drawn = torch.randn(inverted.shape, generator=generator(SETTINGS["sampling_seed"]))
    start = prior**0.5 * inverted + (1 - prior) ** 0.5 * drawn
    trace = sampling_reference.sample(
        pipeline, start, SETTINGS["prompt"], SETTINGS["negative_prompt"], SETTINGS["num_inference_steps"],
        SETTINGS["guidance_scale"], predict=lambda z, t, text: unet(z, t, text, motion))
    return sampling_reference.decode_frames(pipeline, trace[-1])


def write_learning(name: str, pipeline, unet: MotionUNet) -> None:
    clip = reference_clip()
    text = sampling_reference.encode_prompt(pipeline, SETTINGS["reference_prompt"])
    empty = sampling_reference.encode_prompt(pipeline, "")
    tensors = {"reference_frames": clip, "text": text}
    for rate in RATES[name]:
        random = generator(SETTINGS["seed"])
        latents = encode(pipeline, clip, random)
        with torch.no_grad():
            trace = invert(pipeline.scheduler, SETTINGS["ddim_inversion_steps"], latents,
                           lambda z, t: unet(z, t, empty))
        embedding, losses, timesteps = learn(unet, pipeline.scheduler, latents, text, SETTINGS["inversion_steps"],
                                             rate, random)
        if rate == RATES[name][0]:
            save_tensors(f"{name}/golden/learned.motion.safetensors", embedding | {"inversion_noise": trace[-1][0]})
        tensors |= {"latents": latents, "inversion/0": trace[0], "inversion_noise": trace[-1][0],
                    "timesteps": torch.tensor(timesteps), f"{rate}/losses": torch.tensor(losses)}
        for mode in MODES:
            tensors[f"{rate}/frames/{mode}"] = sample(pipeline, unet, Motion(embedding, mode), trace[-1], 0.0)
        tensors[f"{rate}/frames/difference_noise_prior"] = sample(
            pipeline, unet, Motion(embedding, "difference"), trace[-1], SETTINGS["noise_prior"])
        tensors["frames/without"] = sample(pipeline, unet, None, trace[-1], 0.0)
    save_tensors(f"{name}/golden/learning.safetensors", tensors)
    save_json(f"{name}/golden/learning.json", SETTINGS | {"learning_rates": RATES[name]})


def make() -> None:
    for name in RATES:
        pipeline = tiny_folders.load(name)
        unet = MotionUNet(pipeline.unet)
        write_modes(name, pipeline, unet)
        write_learning(name, pipeline, unet)
