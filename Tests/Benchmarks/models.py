"""Writes the diffusers folders that the benchmarks read: random weights, real sizes.

    python Tests/Benchmarks/models.py bundled FOLDER      the bundled model's sizes: 64, 96, 128 channels, float16
    python Tests/Benchmarks/models.py zeroscope FOLDER    ZeroScope's, 3.7 GB
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

GOLDENS = Path(__file__).parent.parent / "Goldens"
UNET = dict(
    act_fn="silu", attention_head_dim=16, block_out_channels=[64, 96, 128], cross_attention_dim=128,
    down_block_types=["CrossAttnDownBlock3D"] * 3, in_channels=16, layers_per_block=1, norm_num_groups=16,
    out_channels=16, sample_size=16, up_block_types=["CrossAttnUpBlock3D"] * 3)
VAE = dict(
    act_fn="silu", block_out_channels=[32, 48, 64, 96], down_block_types=["DownEncoderBlock2D"] * 4, in_channels=3,
    latent_channels=16, layers_per_block=1, norm_num_groups=8, out_channels=3,
    up_block_types=["UpDecoderBlock2D"] * 4)
TEXT = dict(vocab_size=600, hidden_size=128, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4,
            max_position_embeddings=77, hidden_act="gelu")


def bundled(folder: Path) -> None:
    torch.manual_seed(0)
    unet = UNet3DConditionModel(**UNET)
    for name, parameter in unet.named_parameters():
        # diffusers starts the temporal convolutions as zeros: draw them, so that they are computed with numbers.
        if ".conv4." in name:
            torch.nn.init.normal_(parameter, std=0.02)
    parts = {"unet": unet, "vae": AutoencoderKL(**VAE), "text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT))}
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)
    index = {"_class_name": "TextToVideoSDPipeline", "unet": ["diffusers", "UNet3DConditionModel"],
             "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"]}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    if kind == "bundled":
        bundled(folder)
    elif kind == "zeroscope":
        subprocess.run([sys.executable, GOLDENS / "write_released_folder.py", "zeroscope", folder], check=True)
    else:
        sys.exit(f"{kind}: expected bundled or zeroscope")


if __name__ == "__main__":
    main()
