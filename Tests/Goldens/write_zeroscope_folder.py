#!/usr/bin/env python3
"""Writes a diffusers folder with ZeroScope's configuration and random float16 weights: 1.41e9 parameters in the UNet.

    python Tests/Goldens/write_zeroscope_folder.py FOLDER [--seed N]

Key names and shapes are those of the released folder, taken from the classes on torch's meta device; the tensors are
drawn and written one after the other, so that memory stays below 1 GB. Needs 3.7 GB of disk. The scale is that of a
fresh initialisation: activations stay finite, pictures are noise.
"""

import argparse
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from tiny_tokenizer import write_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel

UNET = dict(
    act_fn="silu", attention_head_dim=64, block_out_channels=[320, 640, 1280, 1280], cross_attention_dim=1024,
    down_block_types=["CrossAttnDownBlock3D"] * 3 + ["DownBlock3D"], downsample_padding=1, in_channels=4,
    layers_per_block=2, mid_block_scale_factor=1, norm_eps=1e-5, norm_num_groups=32, out_channels=4, sample_size=32,
    up_block_types=["UpBlock3D"] + ["CrossAttnUpBlock3D"] * 3)
TEXT_ENCODER = dict(
    attention_dropout=0.0, bos_token_id=0, eos_token_id=2, hidden_act="gelu", hidden_size=1024, initializer_factor=1.0,
    initializer_range=0.02, intermediate_size=4096, layer_norm_eps=1e-5, max_position_embeddings=77,
    num_attention_heads=16, num_hidden_layers=23, pad_token_id=1, projection_dim=512, vocab_size=49408)
VAE = dict(
    act_fn="silu", block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, in_channels=3,
    latent_channels=4, layers_per_block=2, norm_num_groups=32, out_channels=3, sample_size=512,
    scaling_factor=0.18215, up_block_types=["UpDecoderBlock2D"] * 4)
SCHEDULER = dict(
    beta_end=0.012, beta_schedule="scaled_linear", beta_start=0.00085, clip_sample=False, num_train_timesteps=1000,
    prediction_type="epsilon", set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, trained_betas=None)
VAE_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
BYTES = {"F16": 2, "I64": 8}
DISK = 3_800_000_000


def draw(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    if name.endswith("position_ids"):
        return np.arange(shape[-1], dtype=np.int64).reshape(shape)
    if len(shape) == 1:
        center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        return (center + 0.02 * random.standard_normal(shape, dtype=np.float32)).astype(np.float16)
    bound = 0.05 if "embedding.weight" in name and "time" not in name else 1 / math.sqrt(math.prod(shape[1:]))
    values = random.random(shape, dtype=np.float32)
    values -= 0.5
    values *= 2 * bound
    return values.astype(np.float16)


def write_safetensors(path: Path, shapes: dict[str, tuple[int, ...]], seed: int) -> None:
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in sorted(shapes.items()):
        kind = "I64" if name.endswith("position_ids") else "F16"
        size = math.prod(shape) * BYTES[kind]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for name, shape in sorted(shapes.items()):
            draw(name, shape, random).tofile(file)


def write_model(folder: Path, file: str, config: dict, shapes: dict[str, tuple[int, ...]], seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    write_safetensors(folder / file, shapes, seed)
    print(f"{folder}: {sum(map(math.prod, shapes.values())) / 1e6:.1f} million parameters")


def write_json(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def shapes_of(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def old_vae_name(key: str) -> str:
    for new, old in VAE_NAMES.items():
        key = key.replace(new, old) if ".attentions." in key else key
    return key


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder, seed = arguments.folder, arguments.seed
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < DISK:
        sys.exit(f"{folder}: {free / 1e9:.1f} GB of disk are free, {DISK / 1e9:.1f} GB are needed")

    with torch.device("meta"):
        unet = shapes_of(UNet3DConditionModel(**UNET))
        vae = shapes_of(AutoencoderKL(**VAE))
        text_encoder = shapes_of(CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER)))
    text_encoder = {f"text_model.{key}": shape for key, shape in text_encoder.items() if "position_ids" not in key}
    text_encoder["text_model.embeddings.position_ids"] = (1, TEXT_ENCODER["max_position_embeddings"])
    versions = {"_diffusers_version": "0.15.0.dev0"}
    write_model(folder / "unet", "diffusion_pytorch_model.safetensors",
                {"_class_name": "UNet3DConditionModel", **versions, **UNET}, unet, seed)
    write_model(folder / "vae", "diffusion_pytorch_model.safetensors",
                {"_class_name": "AutoencoderKL", **versions, **VAE},
                {old_vae_name(key): shape for key, shape in vae.items()}, seed + 1)
    write_model(folder / "text_encoder", "model.safetensors",
                {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "torch_dtype": "float16",
                 **TEXT_ENCODER}, text_encoder, seed + 2)
    write_json(folder / "scheduler" / "scheduler_config.json", {"_class_name": "DDIMScheduler", **versions, **SCHEDULER})
    write_tokenizer(folder / "tokenizer", "!", size=TEXT_ENCODER["vocab_size"])
    write_json(folder / "model_index.json", {
        "_class_name": "TextToVideoSDPipeline", **versions, "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet3DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]})


if __name__ == "__main__":
    main()
