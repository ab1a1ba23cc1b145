"""Whole guided sampling on the tiny folders, by diffusers' TextToVideoSDPipeline."""

import sampling_reference
import tiny_folders
import torch
from golden_writer import generator, save_json, save_tensors

CASES = {
    "tiny-zeroscope": {
        "guided": dict(prompt="a red fox walking in the snow", negative_prompt="", seed=42, num_inference_steps=5,
                       guidance_scale=9.0, num_frames=8, height=24, width=40),
        "negative": dict(prompt="a blue bird flying over the sea!", negative_prompt="blurry, low quality", seed=2**32 + 3,
                         num_inference_steps=5, guidance_scale=12.0, num_frames=5, height=16, width=32),
        "unguided": dict(prompt="two cats", negative_prompt="", seed=0, num_inference_steps=3, guidance_scale=1.0,
                         num_frames=8, height=32, width=32),
    },
    "tiny-vpred": {
        "guided": dict(prompt="a red fox walking in the snow", negative_prompt="watermark", seed=42,
                       num_inference_steps=5, guidance_scale=9.0, num_frames=8, height=16, width=24),
        "rescaled": dict(prompt="a red fox walking in the snow", negative_prompt="watermark", seed=42,
                         num_inference_steps=5, guidance_scale=9.0, guidance_rescale=0.7, num_frames=8, height=16,
                         width=24),
    },
}


def run(pipeline, prompt, negative_prompt, seed, num_inference_steps, guidance_scale, num_frames, height, width,
        guidance_rescale=0.0) -> dict[str, torch.Tensor]:
    factor = pipeline.vae_scale_factor
    shape = (1, pipeline.unet.config.in_channels, num_frames, height // factor, width // factor)
    start = torch.randn(shape, generator=generator(seed))
    trace = sampling_reference.sample(pipeline, start, prompt, negative_prompt, num_inference_steps, guidance_scale,
                                      guidance_rescale)
    if guidance_rescale == 0:
        theirs = []
        pipeline(prompt, height, width, num_frames, num_inference_steps, guidance_scale, negative_prompt,
                 generator=generator(seed), callback=lambda i, t, latents: theirs.append(latents.clone()))
        for ours, latents in zip(trace, theirs, strict=True):
            torch.testing.assert_close(ours, latents, rtol=1e-4, atol=1e-4)
        trace = theirs
    frames = sampling_reference.decode_frames(pipeline, trace[-1])
    return {"prompt_ids": sampling_reference.prompt_ids(pipeline, prompt),
            "negative_ids": sampling_reference.prompt_ids(pipeline, negative_prompt),
            "prompt_embeds": sampling_reference.encode_prompt(pipeline, prompt),
            "negative_embeds": sampling_reference.encode_prompt(pipeline, negative_prompt),
            "latents/start": start, "frames": frames,
            **{f"latents/{index}": latents for index, latents in enumerate(trace)}}


@torch.no_grad()
def make() -> None:
    tiny_folders.make()
    for folder, cases in CASES.items():
        pipeline = tiny_folders.load(folder)
        tensors = {}
        for name, case in cases.items():
            tensors |= {f"{name}/{key}": value for key, value in run(pipeline, **case).items()}
        save_tensors(f"{folder}/golden/sampling.safetensors", tensors)
        save_json(f"{folder}/golden/sampling.json", cases)
