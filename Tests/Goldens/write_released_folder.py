#!/usr/bin/env python3
"""Writes a released model's folder or file with its real configuration, layout and key names, and random float16 weights.

    python Tests/Goldens/write_released_folder.py MODEL PATH [--seed N] [--spoil KIND]

MODEL      what is written                                                                            disk
zeroscope  diffusers folder: torch .bin files, the autoencoder's old attention names                  3.7 GB
modelscope Hugging Face cache (blobs, refs, snapshots with links): *.fp16.safetensors                 3.7 GB
videocrafter2  diffusers folder: shards with an index, today's names, DDIM                            3.7 GB
stable-diffusion  Stable Diffusion 1.5: *.fp16.safetensors, PNDM                                      2.1 GB
animatediff-v1, -v3  AnimateDiff's own .ckpt, original key names                                      0.8 GB
animatediff-v2  diffusers' motion adapter folder, fp16                                                0.9 GB

Key names and shapes come from the classes on torch's meta device; tensors are drawn and written one after the other
(.bin and .ckpt: one file at a time). The scale is that of a fresh initialisation: activations stay finite, pictures are noise.
`--spoil missing|extra|misshapen` does that to one tensor of the UNet, or of the adapter.
"""

import argparse
import json
import math
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from released_configurations import (ADAPTER, ADAPTERS, SCHEDULER, TEXT_CLIP, TEXT_OPEN_CLIP, UNET_3D, UNET_STABLE_DIFFUSION,
                                     VAE, Shapes, shapes)
from tiny_tokenizer import write_tokenizer

VAE_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
ORIGINAL = {".pos_embed.": ".attention_blocks.0.pos_encoder.", ".attn1.": ".attention_blocks.0.",
            ".attn2.": ".attention_blocks.1.", ".norm1.": ".norms.0.", ".norm2.": ".norms.1.", ".norm3.": ".ff_norm."}
SHARD = 1_000_000_000
BYTES = {"F16": 2, "I64": 8}


def kind(name: str) -> str:
    return "I64" if name.endswith("position_ids") else "F16"


def draw(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    if name.endswith("position_ids"):
        return np.arange(shape[-1], dtype=np.int64).reshape(shape)
    if name.endswith(".pe"):
        place, i = np.arange(shape[1])[:, None], np.arange(shape[2])[None]
        angle = place * np.exp(-(i // 2 * 2) * math.log(10000) / shape[2])
        return np.where(i % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float16)[None]
    if len(shape) == 1:
        center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        return (center + 0.02 * random.standard_normal(shape, dtype=np.float32)).astype(np.float16)
    bound = 0.05 if "embedding.weight" in name and "time" not in name else 1 / math.sqrt(math.prod(shape[1:]))
    values = random.random(shape, dtype=np.float32)
    values -= 0.5
    values *= 2 * bound
    return values.astype(np.float16)


def write_safetensors(path: Path, table: Shapes, random: np.random.Generator) -> None:
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in sorted(table.items()):
        size = math.prod(shape) * BYTES[kind(name)]
        header[name] = {"dtype": kind(name), "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for name, shape in sorted(table.items()):
            draw(name, shape, random).tofile(file)


def write_torch(path: Path, table: Shapes, random: np.random.Generator, wrap: bool = False) -> None:
    tensors = {name: torch.from_numpy(draw(name, shape, random)) for name, shape in table.items()}
    torch.save({"state_dict": {f"module.{key}": value for key, value in tensors.items()}} if wrap else tensors, path)


def write_shards(folder: Path, table: Shapes, random: np.random.Generator) -> None:
    shards, size = [{}], 0
    for name, shape in table.items():
        bytes_ = math.prod(shape) * BYTES[kind(name)]
        if size and size + bytes_ > SHARD:
            shards.append({})
            size = 0
        shards[-1][name] = shape
        size += bytes_
    names = [f"diffusion_pytorch_model-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
    for name, shard in zip(names, shards):
        write_safetensors(folder / name, shard, random)
    write_json(folder / "diffusion_pytorch_model.safetensors.index.json", {
        "metadata": {}, "weight_map": {key: name for name, shard in zip(names, shards) for key in shard}})


def write_json(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def spoiled(table: Shapes, how: str | None) -> Shapes:
    table = dict(table)
    key = next(key for key in table if key.endswith("attn1.to_q.weight") or key.endswith("attention_blocks.0.to_q.weight"))
    if how == "missing":
        del table[key]
    elif how == "extra":
        table[key.replace("to_q", "to_extra")] = table[key]
    elif how == "misshapen":
        table[key] = (table[key][0], table[key][1] + 8)
    return table


def old_vae_names(table: Shapes) -> Shapes:
    renamed = {}
    for key, shape in table.items():
        for new, old in VAE_NAMES.items():
            key = key.replace(new, old) if ".attentions." in key else key
        renamed[key] = shape
    return renamed


def original_names(table: Shapes) -> Shapes:
    renamed = {}
    for key, shape in table.items():
        head, tail = key.split(".motion_modules.")
        index, rest = tail.split(".", 1)
        name = f"{head}.motion_modules.{index}.temporal_transformer.{rest}"
        for new, old in ORIGINAL.items():
            name = name.replace(new, old)
        renamed[name] = shape
        if name.endswith(".pe"):
            renamed[name.replace("attention_blocks.0", "attention_blocks.1")] = shape
    return renamed


def text_encoder(name: str, positions: bool) -> Shapes:
    table = {f"text_model.{key.removeprefix('text_model.')}": shape for key, shape in shapes(name).items()
             if "position_ids" not in key}
    return table | ({"text_model.embeddings.position_ids": (1, 77)} if positions else {})


def write_folder(folder: Path, unet: tuple[str, dict, Shapes], text: tuple[dict, Shapes], vae: Shapes, scheduler: str,
                 prediction: dict, padding: str, pipeline: str, write, random: np.random.Generator) -> None:
    versions = {"_diffusers_version": "0.15.0.dev0"}
    kind_, config, table = unet
    write_json(folder / "unet" / "config.json", {"_class_name": kind_, **versions, **config})
    write(folder / "unet", "diffusion_pytorch_model", table)
    write_json(folder / "vae" / "config.json", {"_class_name": "AutoencoderKL", **versions, **VAE})
    write(folder / "vae", "diffusion_pytorch_model", vae)
    write_json(folder / "text_encoder" / "config.json", {
        "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "torch_dtype": "float16", **text[0]})
    write(folder / "text_encoder", "model", text[1])
    write_json(folder / "scheduler" / "scheduler_config.json", {"_class_name": scheduler, **versions, **SCHEDULER, **prediction})
    write_tokenizer(folder / "tokenizer", padding, size=49408)
    write_json(folder / "model_index.json", {
        "_class_name": pipeline, **versions, "scheduler": ["diffusers", scheduler],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", kind_], "vae": ["diffusers", "AutoencoderKL"]})


def into_cache(folder: Path, root: Path) -> Path:
    """Moves a folder into the layout of Hugging Face's cache: files as blobs, a snapshot of links."""
    snapshot = root / "snapshots" / "8227dddca75a8561bf858d604cc5dae52b954d01"
    (root / "blobs").mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(snapshot.name)
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        blob = root / "blobs" / f"{number:064x}"
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        file.rename(blob)
        link.symlink_to(os.path.relpath(blob, link.parent))
    shutil.rmtree(folder)
    return snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=["zeroscope", "modelscope", "videocrafter2", "stable-diffusion", "animatediff-v1",
                                          "animatediff-v2", "animatediff-v3"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spoil", choices=["missing", "extra", "misshapen"])
    arguments = parser.parse_args()
    model, path = arguments.model, arguments.path
    path.parent.mkdir(parents=True, exist_ok=True)
    needed = 4 if model in ("zeroscope", "modelscope", "videocrafter2") else 2.5
    if (free := shutil.disk_usage(path.parent).free / 1e9) < needed:
        sys.exit(f"{path}: {free:.1f} GB of disk are free, {needed} GB are needed")
    random = np.random.default_rng(arguments.seed)

    def fp16(folder: Path, stem: str, table: Shapes) -> None:
        write_safetensors(folder / f"{stem}.fp16.safetensors", table, random)

    def torch_files(folder: Path, stem: str, table: Shapes) -> None:
        write_torch(folder / f"{stem if stem != 'model' else 'pytorch_model'}.bin", table, random)

    def shards(folder: Path, stem: str, table: Shapes) -> None:
        if stem == "model":
            write_safetensors(folder / "model.safetensors", table, random)
        else:
            write_shards(folder, table, random)

    if model.startswith("animatediff-"):
        version = model.removeprefix("animatediff-")
        table = shapes(version)
        if version == "v2":
            write_json(path / "config.json", {"_class_name": "MotionAdapter", "_diffusers_version": "0.23.0.dev0",
                                              **ADAPTER, **ADAPTERS[version]})
            fp16(path, "diffusion_pytorch_model", spoiled(table, arguments.spoil))
        else:
            write_torch(path, spoiled(original_names(table), arguments.spoil), random, wrap=version == "v3")
    elif model == "stable-diffusion":
        unet = ("UNet2DConditionModel", UNET_STABLE_DIFFUSION, spoiled(shapes("unet-stable-diffusion"), arguments.spoil))
        write_folder(path, unet, (TEXT_CLIP, text_encoder("text-clip", True)), old_vae_names(shapes("vae")), "PNDMScheduler",
                     {}, "<|endoftext|>", "StableDiffusionPipeline", fp16, random)
    else:
        unet = ("UNet3DConditionModel", UNET_3D, spoiled(shapes("unet-3d"), arguments.spoil))
        old = model != "videocrafter2"
        vae = old_vae_names(shapes("vae")) if old else shapes("vae")
        write = {"zeroscope": torch_files, "modelscope": fp16, "videocrafter2": shards}[model]
        folder = path.with_name(path.name + ".part") if model == "modelscope" else path
        write_folder(folder, unet, (TEXT_OPEN_CLIP, text_encoder("text-open-clip", old)), vae, "DDIMScheduler",
                     {"prediction_type": "epsilon"}, "!", "TextToVideoSDPipeline", write, random)
        if model == "modelscope":
            path = into_cache(folder, path)
    print(path)


if __name__ == "__main__":
    main()
