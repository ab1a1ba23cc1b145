"""AnimateDiff: a tiny Stable Diffusion folder, motion adapters in diffusers' and in the original layout, and what they say.

The original code's group norm takes its statistics per frame; `PerFrame` makes diffusers' module do so.
"""

import inspect

import torch
from diffusers import (AnimateDiffPipeline, DDIMScheduler, EulerAncestralDiscreteScheduler, MotionAdapter,
                       UNet2DConditionModel, UNetMotionModel)
from golden_writer import ROOT, folder, generator, randomize, save_json, save_tensors
from motion_inversion_reference import Motion, MotionAttention
from safetensors.torch import save_file
from sampling_reference import decode_frames
from text_encoder_goldens import new_text_encoder, write_text_encoder
from tiny_tokenizer import write_tokenizer
from vae_goldens import new_vae, write_vae

NAME = "tiny-animatediff"
CHANNELS = (8, 16)
UNET = dict(sample_size=8, in_channels=4, out_channels=4, block_out_channels=CHANNELS, layers_per_block=1,
            norm_num_groups=4, attention_head_dim=4, cross_attention_dim=16,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
STABLE_DIFFUSION = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
                        set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, trained_betas=None, clip_sample=False)
ORIGINAL = {".transformer_blocks.0.pos_embed.": ".transformer_blocks.0.attention_blocks.0.pos_encoder.",
            ".attn1.": ".attention_blocks.0.", ".attn2.": ".attention_blocks.1.", ".norm1.": ".norms.0.",
            ".norm2.": ".norms.1.", ".norm3.": ".ff_norm."}
SAMPLINGS = {
    "ddim": dict(prompt="a red fox walking in the snow", negative_prompt="blurry", seed=42, num_inference_steps=4,
                 guidance_scale=7.5, num_frames=6, height=16, width=24),
    "euler_ancestral": dict(prompt="two cats", negative_prompt="", seed=7, num_inference_steps=4, guidance_scale=5.0,
                            num_frames=5, height=24, width=16),
}


class PerFrame(torch.nn.Module):
    """A group norm over (B,C,F,H,W) with each frame's own statistics."""

    def __init__(self, norm: torch.nn.GroupNorm):
        super().__init__()
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.norm(frame) for frame in x.unbind(2)], dim=2)


class OverClip(torch.nn.Module):
    """A group norm over frames (B F,C,H,W) with the statistics of each clip, as AnimateDiff's own code has for v1."""

    def __init__(self, norm: torch.nn.GroupNorm, frames: int):
        super().__init__()
        self.norm, self.frames = norm, frames

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        clips = x.unflatten(0, (-1, self.frames)).transpose(1, 2)
        return self.norm(clips).transpose(1, 2).flatten(0, 1)


def new_adapter(seed: int, mid: bool, length: int) -> MotionAdapter:
    adapter = MotionAdapter(block_out_channels=CHANNELS, motion_layers_per_block=1, motion_num_attention_heads=8,
                            motion_norm_num_groups=4, motion_max_seq_length=length, use_motion_mid_block=mid)
    return randomize(adapter, seed)


def original_keys(adapter: MotionAdapter) -> dict[str, torch.Tensor]:
    """AnimateDiff's own names: both attentions have a position code, and `temporal_transformer` stands before all."""
    tensors = {}
    for key, value in adapter.state_dict().items():
        head, tail = key.split(".motion_modules.")
        index, rest = tail.split(".", 1)
        name = f"{head}.motion_modules.{index}.temporal_transformer.{rest}"
        for new, old in ORIGINAL.items():
            name = name.replace(new, old)
        tensors[name] = value.clone()
        if name.endswith("attention_blocks.0.pos_encoder.pe"):
            tensors[name.replace("attention_blocks.0", "attention_blocks.1")] = value.clone()
    return tensors


def per_frame(unet: UNetMotionModel) -> UNetMotionModel:
    for path, module in list(unet.named_modules()):
        if type(module).__name__ == "AnimateDiffTransformer3D":
            module.norm = PerFrame(module.norm)
    return unet


def write_forward(name: str, unet: UNetMotionModel, frames: int) -> None:
    """One pass without and with motion embeddings in every down and up block, and the gradients of the embeddings."""
    random = generator(91)
    sample = torch.randn((1, 4, frames, 5, 6), generator=random)
    text = torch.randn((1, 7, 16), generator=random)
    noise = torch.randn(sample.shape, generator=random)
    t = torch.tensor([601])
    with torch.no_grad():
        tensors = {"sample": sample, "text": text, "timesteps": t, "noise": noise, "output/without": unet(sample, t, text.repeat_interleave(frames, 0)).sample}
    embedding = {}
    for path, module in unet.named_modules():
        if ".motion_modules." in path and path.endswith(".transformer_blocks.0") and not path.startswith("mid_block"):
            channels = module.norm1.weight.shape[0]
            pixels = 30 if channels == CHANNELS[0] else 9
            if path.startswith("up_blocks.0") or path.startswith("down_blocks.1"):
                pixels = 9
            embedding[f"{path}.pos_embed"] = 0.5 * torch.randn((1, frames, channels), generator=random)
            for attention in ("attn1", "attn2"):
                embedding[f"{path}.{attention}.vSpatial"] = 0.5 * torch.randn((pixels, frames, channels), generator=random)
                getattr(module, attention).processor = MotionAttention(path, attention, Motion(embedding))
    for value in embedding.values():
        value.requires_grad_()
    output = unet(sample, t, text.repeat_interleave(frames, 0)).sample
    loss = torch.nn.functional.mse_loss(output, noise)
    loss.backward()
    tensors |= {"output/moved": output, "loss": loss}
    tensors |= {f"embedding/{key}": value.detach() for key, value in embedding.items()}
    tensors |= {f"gradient/{key}": value.grad for key, value in embedding.items()}
    save_tensors(f"{NAME}/golden/{name}.safetensors", tensors)


def write_folder() -> UNet2DConditionModel:
    words = write_tokenizer(folder(NAME) / "tokenizer", "<|endoftext|>")
    write_text_encoder(f"{NAME}/text_encoder", new_text_encoder(
        101, vocab_size=words, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, hidden_act="quick_gelu"), position_ids=True)
    unet = randomize(UNet2DConditionModel(**UNET), 102)
    unet.conv_out.weight.data *= 0.5
    unet.save_config(folder(f"{NAME}/unet"))
    save_tensors(f"{NAME}/unet/diffusion_pytorch_model.safetensors", unet.state_dict())
    write_vae(f"{NAME}/vae", new_vae(103, (4, 8), layers=1, groups=4))
    save_json(f"{NAME}/scheduler/scheduler_config.json",
              {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", **STABLE_DIFFUSION})
    save_json(f"{NAME}/model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
        "feature_extractor": [None, None], "safety_checker": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"]})
    return unet


def animatediff_key(path: str) -> str:
    """The key of a linear map's low-rank addition in AnimateDiff's own files, up to `.down.weight`."""
    head, last = path.removesuffix(".0").rsplit(".", 1)
    if ".motion_modules." in head:
        before, after = head.split(".transformer_blocks.")
        head = f"{before}.temporal_transformer.transformer_blocks.{after}"
        head = head.replace(".attn1", ".attention_blocks.0").replace(".attn2", ".attention_blocks.1")
    return f"{head}.processor.{last}_lora"


def add_low_rank(unet: UNetMotionModel, part: str, seed: int, scale: float) -> dict[str, torch.Tensor]:
    """Random pairs of rank 4 for the attentions below `part`, added to the weights; AnimateDiff's file of them."""
    random = generator(seed)
    tensors = {}
    for path, module in unet.named_modules():
        if isinstance(module, torch.nn.Linear) and f".{part}." in path and ".attn" in path:
            down = torch.randn((4, module.in_features), generator=random) * 0.3
            up = torch.randn((module.out_features, 4), generator=random) * 0.3
            tensors |= {f"{animatediff_key(path)}.down.weight": down, f"{animatediff_key(path)}.up.weight": up}
            module.weight.data += scale * up @ down
    return tensors


def write_changes(adapter: MotionAdapter) -> None:
    """The domain adapter on the spatial attentions, a MotionLoRA on top of it, and v1's group norm, each as a sampling."""
    pipeline = AnimateDiffPipeline.from_pretrained(ROOT / NAME, motion_adapter=adapter)
    pipeline.set_progress_bar_config(disable=True)
    case = SAMPLINGS["ddim"]
    tensors = {}
    domain = add_low_rank(pipeline.unet, "attentions", 106, 0.5)
    torch.save({"state_dict": domain | {"animatediff_config": ""}}, ROOT / NAME / "golden/domain_adapter.ckpt")
    tensors["domain/frames"] = sample(pipeline, case)[1]
    motion = add_low_rank(pipeline.unet, "motion_modules", 107, 0.75)
    torch.save({"state_dict": motion}, ROOT / NAME / "golden/motion_lora.ckpt")
    tensors["motion-lora/frames"] = sample(pipeline, case)[1]
    pipeline = AnimateDiffPipeline.from_pretrained(ROOT / NAME, motion_adapter=adapter)
    pipeline.set_progress_bar_config(disable=True)
    for path, module in list(pipeline.unet.named_modules()):
        if type(module).__name__ == "ResnetBlock2D":
            module.norm1 = OverClip(module.norm1, case["num_frames"])
            module.norm2 = OverClip(module.norm2, case["num_frames"])
    pipeline.unet.conv_norm_out = OverClip(pipeline.unet.conv_norm_out, case["num_frames"])
    tensors["v1/frames"] = sample(pipeline, case)[1]
    save_tensors(f"{NAME}/golden/changes.safetensors", tensors)


def sample(pipeline: AnimateDiffPipeline, case: dict, kind=DDIMScheduler) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The latents behind each step, and the frames."""
    known = inspect.signature(kind.__init__).parameters
    pipeline.scheduler = kind(**{key: value for key, value in {**STABLE_DIFFUSION, "beta_schedule": "linear"}.items()
                                 if key in known})
    case = dict(case)
    seed = case.pop("seed")
    latents = []

    def note(pipe, i, t, kwargs):
        latents.append(kwargs["latents"].clone())
        return kwargs

    pipeline(**case, generator=generator(seed), output_type="latent", callback_on_step_end=note)
    return latents, decode_frames(pipeline, latents[-1])


def write_samplings(adapter: MotionAdapter) -> None:
    pipeline = AnimateDiffPipeline.from_pretrained(ROOT / NAME, motion_adapter=adapter)
    pipeline.set_progress_bar_config(disable=True)
    tensors = {}
    for name, case in SAMPLINGS.items():
        kind = {"ddim": DDIMScheduler, "euler_ancestral": EulerAncestralDiscreteScheduler}[name]
        latents, tensors[f"{name}/frames"] = sample(pipeline, case, kind)
        tensors |= {f"{name}/latents/{i}": value for i, value in enumerate(latents)}
    save_tensors(f"{NAME}/golden/sampling.safetensors", tensors)
    save_json(f"{NAME}/golden/sampling.json", SAMPLINGS)


def make() -> None:
    unet = write_folder()
    adapter = new_adapter(104, mid=True, length=24)
    adapter.save_config(folder(f"{NAME}/motion_adapter"))
    save_tensors(f"{NAME}/motion_adapter/diffusion_pytorch_model.safetensors", adapter.state_dict())
    write_forward("adapter", UNetMotionModel.from_unet2d(unet, adapter).eval().requires_grad_(False), frames=5)
    with torch.no_grad():
        write_samplings(adapter)
        write_changes(adapter)

    original = new_adapter(105, mid=False, length=32)
    tensors = original_keys(original)
    torch.save({"epoch": 1, "state_dict": {f"module.{key}": value for key, value in tensors.items()}},
               folder("motion-modules") / "mm_tiny.ckpt")
    save_file(tensors, folder("motion-modules") / "mm_tiny.safetensors")
    write_forward("original", per_frame(UNetMotionModel.from_unet2d(unet, original)).eval().requires_grad_(False), frames=4)
