"""Two whole tiny diffusers folders: one like ZeroScope, one with the other choice wherever there is one."""

import torch
from diffusers import TextToVideoSDPipeline, UNet3DConditionModel
from ddim_goldens import CONFIGS
from golden_writer import ROOT, folder, randomize, save_json
from text_encoder_goldens import new_text_encoder, write_text_encoder
from tiny_tokenizer import write_tokenizer
from unet_goldens import CROSS_DOWN, CROSS_UP, DOWN, UP, config, write_unet
from vae_goldens import new_vae, write_vae


def write_folder(name: str, seed: int, scheduler: dict, padding: str, activation: str, unet: dict, vae: dict,
                 dtype: torch.dtype = torch.float32) -> None:
    words = write_tokenizer(folder(name) / "tokenizer", padding)
    text_encoder = new_text_encoder(seed, vocab_size=words, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
                                    num_attention_heads=2, max_position_embeddings=77, hidden_act=activation)
    write_text_encoder(f"{name}/text_encoder", text_encoder, position_ids=activation == "quick_gelu")
    model = randomize(UNet3DConditionModel(**unet), seed + 1)
    # At full gain each sampling or inversion step doubles rounding errors: ten steps would exceed the tolerance.
    model.conv_out.weight.data *= 0.5
    write_unet(f"{name}/unet", model, dtype)
    write_vae(f"{name}/vae", new_vae(seed + 2, **vae))
    save_json(f"{name}/scheduler/scheduler_config.json",
              {"_class_name": "DDIMScheduler", "_diffusers_version": "0.42.0", "num_train_timesteps": 1000,
               "skip_prk_steps": True, "trained_betas": None, **scheduler})
    save_json(f"{name}/model_index.json", {
        "_class_name": "TextToVideoSDPipeline", "_diffusers_version": "0.42.0",
        "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet3DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"]})


def load(name: str) -> TextToVideoSDPipeline:
    """The folder as diffusers reads it, checked against what was written."""
    pipeline = TextToVideoSDPipeline.from_pretrained(ROOT / name)
    pipeline.set_progress_bar_config(disable=True)
    for module in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        module.eval().requires_grad_(False)
    return pipeline


def make() -> None:
    write_folder("tiny-zeroscope", 51, CONFIGS["zeroscope"], "!", "gelu",
                 config((8, 16), (CROSS_DOWN, CROSS_DOWN), (CROSS_UP, CROSS_UP), 1, 4, 4, 16),
                 dict(channels=(8, 8, 16), layers=1, groups=4, scaling=0.8))
    write_folder("tiny-vpred", 61, CONFIGS["zero_snr"], "<|endoftext|>", "quick_gelu",
                 config((8, 8), (DOWN, CROSS_DOWN), (CROSS_UP, UP), 1, 4, 8, 16),
                 dict(channels=(4, 8), layers=1, groups=4), torch.float16)
