"""Configurations of the released models, and their key names and shapes from the classes on torch's meta device."""

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel, UNet3DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

UNET_3D = dict(
    act_fn="silu", attention_head_dim=64, block_out_channels=[320, 640, 1280, 1280], cross_attention_dim=1024,
    down_block_types=["CrossAttnDownBlock3D"] * 3 + ["DownBlock3D"], downsample_padding=1, in_channels=4,
    layers_per_block=2, mid_block_scale_factor=1, norm_eps=1e-5, norm_num_groups=32, out_channels=4, sample_size=32,
    up_block_types=["UpBlock3D"] + ["CrossAttnUpBlock3D"] * 3)
UNET_STABLE_DIFFUSION = dict(
    act_fn="silu", attention_head_dim=8, block_out_channels=[320, 640, 1280, 1280], center_input_sample=False,
    cross_attention_dim=768, down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], downsample_padding=1,
    flip_sin_to_cos=True, freq_shift=0, in_channels=4, layers_per_block=2, mid_block_scale_factor=1, norm_eps=1e-5,
    norm_num_groups=32, out_channels=4, sample_size=64, up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
TEXT_OPEN_CLIP = dict(
    attention_dropout=0.0, bos_token_id=0, eos_token_id=2, hidden_act="gelu", hidden_size=1024, initializer_factor=1.0,
    initializer_range=0.02, intermediate_size=4096, layer_norm_eps=1e-5, max_position_embeddings=77,
    num_attention_heads=16, num_hidden_layers=23, pad_token_id=1, projection_dim=512, vocab_size=49408)
TEXT_CLIP = dict(
    attention_dropout=0.0, bos_token_id=0, eos_token_id=2, hidden_act="quick_gelu", hidden_size=768,
    initializer_factor=1.0, initializer_range=0.02, intermediate_size=3072, layer_norm_eps=1e-5,
    max_position_embeddings=77, num_attention_heads=12, num_hidden_layers=12, pad_token_id=1, projection_dim=768,
    vocab_size=49408)
VAE = dict(
    act_fn="silu", block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, in_channels=3,
    latent_channels=4, layers_per_block=2, norm_num_groups=32, out_channels=3, sample_size=512,
    up_block_types=["UpDecoderBlock2D"] * 4)
SCHEDULER = dict(
    beta_end=0.012, beta_schedule="scaled_linear", beta_start=0.00085, clip_sample=False, num_train_timesteps=1000,
    set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, trained_betas=None)
ADAPTER = dict(
    block_out_channels=[320, 640, 1280, 1280], motion_layers_per_block=2, motion_mid_block_layers_per_block=1,
    motion_norm_num_groups=32, motion_num_attention_heads=8)
# Frames that the position code knows, and whether the mid block has a motion module.
ADAPTERS = {"v1": dict(motion_max_seq_length=24, use_motion_mid_block=False),
            "v2": dict(motion_max_seq_length=32, use_motion_mid_block=True),
            "v3": dict(motion_max_seq_length=32, use_motion_mid_block=False)}

Shapes = dict[str, tuple[int, ...]]


def shapes(name: str) -> Shapes:
    """Keys and shapes as `state_dict` of today's class gives them."""
    with torch.device("meta"):
        if name in ADAPTERS:
            module = MotionAdapter(**ADAPTER, **ADAPTERS[name])
        else:
            module = {"unet-3d": lambda: UNet3DConditionModel(**UNET_3D),
                      "unet-stable-diffusion": lambda: UNet2DConditionModel(**UNET_STABLE_DIFFUSION),
                      "vae": lambda: AutoencoderKL(**VAE),
                      "text-open-clip": lambda: CLIPTextModel(CLIPTextConfig(**TEXT_OPEN_CLIP)),
                      "text-clip": lambda: CLIPTextModel(CLIPTextConfig(**TEXT_CLIP))}[name]()
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}
