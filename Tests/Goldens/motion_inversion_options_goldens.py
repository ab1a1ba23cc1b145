"""Motion Inversion's options on tiny-zeroscope: losses, designs, time steps, noise starts, strengths, other sizes."""

import sampling_reference
import tiny_folders
import torch
from golden_writer import ROOT, generator, save_tensors
from motion_inversion_goldens import SETTINGS, encode, reference_clip
from motion_inversion_reference import Motion, MotionUNet, learn, loss_value
from safetensors.torch import load_file
from torch.nn.functional import interpolate

FOLDER = "tiny-zeroscope"
LOSSES = ["debiased", "vmc-paper", "vmc-code"]
LEARNING = {loss: dict(loss=loss) for loss in LOSSES} | {"cubic": dict(sampling="cubic")} | {
    design: dict(design=design) for design in ("1d-1d", "2d-1d", "2d-2d")}
ANCHOR = 3


def low_band(x: torch.Tensor) -> torch.Tensor:
    """(1,C,F,h,w), each frame a quarter as large and back."""
    frames = x[0].transpose(0, 1)
    size = [max(length // 4, 1) for length in frames.shape[2:]]
    small = interpolate(frames, size=size, mode="bilinear", align_corners=True, antialias=True)
    return interpolate(small, size=frames.shape[2:], mode="bilinear", align_corners=True,
                       antialias=True).transpose(0, 1)[None]


def start(name: str, z: torch.Tensor, n: torch.Tensor, p: float) -> torch.Tensor:
    """The latents that denoising starts from: inverted noise z, fresh noise n, noise prior p."""
    if name == "random":
        return n
    if name == "blend":
        return p**0.5 * z + (1 - p) ** 0.5 * n
    if name == "frequency":
        return low_band(z) + n - low_band(n)
    if name == "blended-frequency":
        return low_band(z) + p**0.5 * (z - low_band(z)) + (1 - p) ** 0.5 * (n - low_band(n))
    axes, d = (-3, -2, -1), torch.zeros(())
    for place in torch.meshgrid(*(2 * torch.arange(k) / k - 1 for k in z.shape[2:]), indexing="ij"):
        d = d + place**2
    mask = torch.exp(-d / (2 * 0.25**2))
    mixed = [torch.fft.fftshift(torch.fft.fftn(x, dim=axes), dim=axes) for x in (z, n)]
    return torch.fft.ifftn(torch.fft.ifftshift(mixed[0] * mask + mixed[1] * (1 - mask), dim=axes), dim=axes).real


def write_starts(tensors: dict[str, torch.Tensor]) -> None:
    random = generator(83)
    for size in ((6, 9, 11), (5, 8, 12), (4, 3, 20)):
        case = "starts/" + "x".join(map(str, size))
        z, n = (torch.randn((1, 4, *size), generator=random) for _ in range(2))
        tensors |= {f"{case}/inverted": z, f"{case}/fresh": n}
        for name in ("blend", "frequency", "blended-frequency", "fft"):
            tensors[f"{case}/{name}"] = start(name, z, n, 0.3)


def write_losses(tensors: dict[str, torch.Tensor], unet: MotionUNet) -> None:
    """On the inputs of motion_modes."""
    inputs = load_file(ROOT / FOLDER / "golden/motion_modes.safetensors")
    embedding = {key.removeprefix("embedding/"): value for key, value in inputs.items() if key.startswith("embedding/")}
    for name in LOSSES:
        leaves = {key: value.clone().requires_grad_() for key, value in embedding.items()}
        prediction = unet(inputs["sample"], inputs["timesteps"], inputs["text"][1:], Motion(leaves))
        loss = loss_value(name, prediction, inputs["noise"], ANCHOR)
        loss.backward()
        tensors[f"losses/{name}/loss"] = loss
        for key in leaves:
            if "down_blocks.0" in key or "up_blocks.1.temp_attentions.1" in key:
                tensors[f"losses/{name}/gradient/{key}"] = leaves[key].grad


def frames(pipeline, unet: MotionUNet, motion: Motion, z: torch.Tensor, active=lambda step: True) -> torch.Tensor:
    steps = SETTINGS["num_inference_steps"]
    count = iter(range(steps))
    trace = sampling_reference.sample(
        pipeline, z, SETTINGS["prompt"], SETTINGS["negative_prompt"], steps, SETTINGS["guidance_scale"],
        predict=lambda x, t, text: unet(x, t, text, motion if active(next(count)) else None))
    return sampling_reference.decode_frames(pipeline, trace[-1])


def closest(old: int, new: int) -> list[int]:
    """Frames of a clip that are closest to those of one of another length with the same ends, the later of two."""
    return [(2 * i * (old - 1) + new - 1) // (2 * (new - 1)) for i in range(new)]


def resampled(embedding: dict[str, torch.Tensor], grids: dict[str, tuple[int, int]], old: dict[str, tuple[int, int]],
              length: int) -> dict[str, torch.Tensor]:
    """Bilinear over the grid, then over the frames linear with the same ends, or to fewer the closest: m (HW,F,C)."""
    result = {}
    for key, m in embedding.items():
        if m.shape[0] > 1:
            block = key[: key.index(".attn")] if ".attn" in key else key.removesuffix(".pos_embed")
            height, width = old[block]
            m = m.unflatten(0, (height, width)).permute(2, 3, 0, 1)  # (F,C,H,W)
            m = interpolate(m, size=grids[block], mode="bilinear").flatten(2).permute(2, 0, 1)
        if length < m.shape[1]:
            result[key] = m[:, closest(m.shape[1], length)]
        else:
            result[key] = interpolate(m.transpose(1, 2), size=length, mode="linear", align_corners=True).transpose(1, 2)
    return result


def write_applied(tensors: dict[str, torch.Tensor], pipeline, unet: MotionUNet) -> None:
    learned = load_file(ROOT / FOLDER / "golden/learned.motion.safetensors")
    inverted = learned.pop("inversion_noise")[None]
    fresh = torch.randn(inverted.shape, generator=generator(SETTINGS["sampling_seed"]))
    plain = Motion(learned, "difference")
    for name in ("frequency", "blended-frequency", "fft"):
        tensors[f"frames/{name}"] = frames(pipeline, unet, plain, start(name, inverted, fresh, 0.5))
    for name, motion in {"zeroed": Motion(learned, "difference", first="zeroed"),
                         "mean-subtracted": Motion(learned, "difference", first="mean-subtracted"),
                         "scales": Motion(learned, "difference", scale=0.5, value_scale=1.5)}.items():
        tensors[f"frames/{name}"] = frames(pipeline, unet, motion, fresh)
    tensors["frames/range"] = frames(pipeline, unet, plain, fresh, lambda step: 1 <= step < 3)

    # 24x16 pixels and 5 frames instead of 24 wide, 16 high and 8; latents (1,4,5,6,4).
    other = torch.randn((1, 4, 5, 6, 4), generator=generator(SETTINGS["sampling_seed"]))
    old, grids = ({path: size(level) for path, level in
                   ((path, int("down_blocks.1" in path or "up_blocks.0" in path)) for path in unet.blocks)}
                  for size in (lambda level: ((4, 6), (2, 3))[level], lambda level: ((6, 4), (3, 2))[level]))
    motion = Motion(resampled(learned, grids, old, 5), "difference")
    tensors["frames/resampled"] = frames(pipeline, unet, motion, other)
    z = interpolate(inverted[:, :, closest(8, 5)], size=(5, 6, 4), mode="nearest")
    z = z / z.square().mean(dim=(1, 3, 4), keepdim=True).sqrt()
    tensors["frames/resampled-blend"] = frames(pipeline, unet, motion, start("blend", z, other, 0.5))


def write_published() -> None:
    """The learned embedding as the published code saves it: parameters of 32 rows, of which the first 8 were reached."""
    learned = load_file(ROOT / FOLDER / "golden/learned.motion.safetensors")
    del learned["inversion_noise"]
    padded = {key: torch.nn.functional.pad(m, (0, 0, 0, 32 - m.shape[1])) for key, m in learned.items()}
    torch.save({key: torch.nn.Parameter(m) for key, m in padded.items()}, ROOT / FOLDER / "golden/motion_embed.pt")


def make() -> None:
    write_published()
    pipeline = tiny_folders.load(FOLDER)
    unet = MotionUNet(pipeline.unet)
    tensors: dict[str, torch.Tensor] = {}
    write_starts(tensors)
    write_losses(tensors, unet)
    with torch.no_grad():
        write_applied(tensors, pipeline, unet)
    text = sampling_reference.encode_prompt(pipeline, SETTINGS["reference_prompt"])
    for name, options in LEARNING.items():
        random = generator(SETTINGS["seed"])
        latents = encode(pipeline, reference_clip(), random)
        embedding, losses, _ = learn(unet, pipeline.scheduler, latents, text, SETTINGS["inversion_steps"], 0.02, random,
                                     **options)
        tensors[f"learning/{name}/losses"] = torch.tensor(losses)
        if "design" in options:
            fresh = torch.randn(latents.shape, generator=generator(SETTINGS["sampling_seed"]))
            with torch.no_grad():
                tensors[f"learning/{name}/frames"] = frames(pipeline, unet, Motion(embedding, "difference"), fresh)
    save_tensors(f"{FOLDER}/golden/motion_options.safetensors", tensors)
