"""Guided sampling as TextToVideoSDPipeline does it, with guidance rescale, and with a hook to adapt the UNet."""

from collections.abc import Callable

import torch

Predict = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def prompt_ids(pipeline, text: str) -> torch.Tensor:
    tokenizer = pipeline.tokenizer
    return tokenizer([text], padding="max_length", max_length=tokenizer.model_max_length, truncation=True,
                     return_tensors="pt").input_ids


def encode_prompt(pipeline, text: str) -> torch.Tensor:
    """(1, 77, D)"""
    return pipeline.text_encoder(prompt_ids(pipeline, text)).last_hidden_state


def rescale(guided: torch.Tensor, conditioned: torch.Tensor, amount: float) -> torch.Tensor:
    """Lin et al. 2024, section 3.4: the guided prediction with, in part, the deviation of the conditioned one."""
    axes = tuple(range(1, guided.ndim))
    matched = guided * (conditioned.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True))
    return amount * matched + (1 - amount) * guided


def sample(pipeline, latents: torch.Tensor, prompt: str, negative: str, steps: int, guidance: float,
           guidance_rescale: float = 0.0, predict: Predict | None = None) -> list[torch.Tensor]:
    """The latents (1,C,F,h,w) after every step."""
    predict = predict or (lambda z, t, text: pipeline.unet(z, t, text).sample)
    text = torch.cat([encode_prompt(pipeline, negative), encode_prompt(pipeline, prompt)])
    pipeline.scheduler.set_timesteps(steps)
    trace = []
    for t in pipeline.scheduler.timesteps:
        unconditioned, conditioned = predict(torch.cat([latents, latents]), t, text).chunk(2)
        prediction = unconditioned + guidance * (conditioned - unconditioned)
        if guidance_rescale > 0:
            prediction = rescale(prediction, conditioned, guidance_rescale)
        latents = pipeline.scheduler.step(prediction, t, latents).prev_sample
        trace.append(latents)
    return trace


def decode_frames(pipeline, latents: torch.Tensor) -> torch.Tensor:
    """Latents (1,C,F,h,w) to frames (F,H,W,3) of bytes, rounded half to even."""
    frames = latents[0].transpose(0, 1) / pipeline.vae.config.scaling_factor
    image = pipeline.vae.decode(frames).sample
    return ((image / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
