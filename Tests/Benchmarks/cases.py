"""What is measured: suites of cases, each a line of options that both workers understand."""

from dataclasses import dataclass, field


@dataclass
class Case:
    title: str
    name: str
    options: dict[str, str] = field(default_factory=dict)
    model: str = ""  # bundled, zeroscope or none
    rounds: int = 5
    apart: bool = False  # too large to hold all sides in memory at once
    bfloat16: bool = False  # whether torch is also run under autocast


def operation(name: str, *size: int) -> Case:
    text = ",".join(map(str, size))
    return Case(f"{name} {text.replace(',', 'x')}", name, {"size": text}, rounds=9)


def unet(title: str, name: str, model: str, frames: int, height: int, width: int, batch: int = 1, rounds: int = 5,
         **more) -> Case:
    options = {"frames": str(frames), "height": str(height), "width": str(width), "batch": str(batch)}
    options |= {key: str(value) for key, value in more.items() if key == "recompute"}
    rest = {key: value for key, value in more.items() if key != "recompute"}
    return Case(title, name, options, model, rounds, **rest)


SUITES = {
    "operations": [
        operation("linear", 4096, 64, 64), operation("linear", 4096, 512, 64), operation("linear", 4096, 64, 256),
        operation("linear", 8192, 320, 320), operation("linear", 2048, 640, 640), operation("linear", 512, 1280, 1280),
        operation("conv", 16, 16, 16, 64, 64), operation("conv", 16, 8, 8, 96, 96),
        operation("conv", 8, 32, 32, 320, 320), operation("conv", 8, 16, 16, 640, 640),
        operation("temporal-conv", 16, 256, 64), operation("temporal-conv", 8, 1024, 320),
        operation("attention", 16, 256, 256, 4, 16), operation("attention", 8, 1024, 1024, 5, 64),
        operation("attention", 8, 1024, 77, 5, 64), operation("temporal-attention", 16, 256, 4, 16),
        operation("temporal-attention", 8, 1024, 5, 64), operation("group-norm", 16, 256, 64, 16),
        operation("group-norm", 8, 1024, 320, 32), operation("layer-norm", 4096, 64), operation("geglu", 4096, 512),
    ],
    "bundled": [
        unet("bundled model, forward", "unet", "bundled", 16, 16, 16, bfloat16=True),
        unet("bundled model, forward, batch 2", "unet", "bundled", 16, 16, 16, 2),
        unet("bundled model, learning step", "inversion", "bundled", 16, 16, 16),
        unet("bundled model, training step", "training", "bundled", 16, 16, 16),
    ],
    "parts": [
        Case("text encoder, ViT-H, 23 layers", "text", {}, "zeroscope", 5),
        Case("VAE decode, 2 x 256x256", "vae", {"frames": "2", "height": "32", "width": "32"}, "zeroscope", 2),
    ],
    "zeroscope": [unet("ZeroScope, forward", "unet", "zeroscope", 8, 32, 32, 1, 2, bfloat16=True)],
    "large": [
        unet("ZeroScope, forward, batch 2", "unet", "zeroscope", 8, 32, 32, 2, 2),
        unet("ZeroScope, inversion step", "inversion", "zeroscope", 8, 32, 32, 1, 1, apart=True),
        unet("ZeroScope, inversion step, recomputed", "inversion", "zeroscope", 8, 32, 32, 1, 1, apart=True,
             recompute=1),
        Case("VAE decode, 8 x 256x256", "vae", {"frames": "8", "height": "32", "width": "32"}, "zeroscope", 2),
    ],
    "growth": [
        unet(f"ZeroScope, {frames} frames of {height}x{width}", "unet", "zeroscope", frames, height, width, 1, 1,
             apart=True)
        for frames, height, width in ((8, 32, 32), (16, 32, 32), (24, 32, 32), (8, 40, 72))
    ],
}
DEFAULT = ["operations", "bundled", "parts", "zeroscope"]
