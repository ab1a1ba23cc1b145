"""UNet3DConditionModel on random tiny configurations, as diffusers folders."""

from dataclasses import dataclass

import torch
from diffusers import UNet3DConditionModel
from golden_writer import folder, generator, randomize, save_tensors

CROSS_DOWN, DOWN = "CrossAttnDownBlock3D", "DownBlock3D"
CROSS_UP, UP = "CrossAttnUpBlock3D", "UpBlock3D"


@dataclass
class Case:
    name: str
    seed: int
    config: dict
    inputs: list[tuple]  # (batch, frames, height, width, text tokens, timesteps)
    dtype: torch.dtype = torch.float32
    gradients: bool = False


def config(channels, down, up, layers, groups, head, cross) -> dict:
    return dict(block_out_channels=channels, down_block_types=down, up_block_types=up, layers_per_block=layers,
                norm_num_groups=groups, attention_head_dim=head, cross_attention_dim=cross, sample_size=8)


CASES = [
    Case("unet-two-levels", 1, config((8, 16), (CROSS_DOWN, DOWN), (UP, CROSS_UP), 1, 4, 4, 12),
         [(1, 5, 5, 7, 7, [981]), (2, 3, 8, 6, 5, [1, 500]), (1, 1, 4, 4, 3, [999])]),
    Case("unet-three-levels", 2,
         config((8, 8, 8), (CROSS_DOWN, CROSS_DOWN, DOWN), (UP, CROSS_UP, CROSS_UP), 2, 8, 8, 10),
         [(1, 4, 9, 5, 6, [321]), (1, 8, 7, 11, 77, [34])], torch.float16),
    # This seed is well conditioned: torch's own float32 gradients are within 2e-5 of its float64 ones.
    Case("unet-gradients", 14, config((8, 8), (DOWN, CROSS_DOWN), (CROSS_UP, UP), 1, 4, 4, 16),
         [(2, 3, 5, 7, 6, [700, 20])], gradients=True),
]


def write_unet(name: str, unet: UNet3DConditionModel, dtype: torch.dtype = torch.float32) -> None:
    unet.save_config(folder(name))
    save_tensors(f"{name}/diffusion_pytorch_model.safetensors",
                 {key: value.to(dtype) for key, value in unet.state_dict().items()})


def make_case(case: Case) -> None:
    unet = randomize(UNet3DConditionModel(**case.config), case.seed)
    if case.dtype != torch.float32:
        for parameter in unet.parameters():  # the stored values, computed with in float32
            parameter.data = parameter.data.to(case.dtype).float()
    write_unet(case.name, unet, case.dtype)
    random = generator(100 + case.seed)
    tensors = {}
    for index, (batch, frames, height, width, tokens, timesteps) in enumerate(case.inputs):
        sample = torch.randn((batch, 4, frames, height, width), generator=random)
        text = torch.randn((batch, tokens, case.config["cross_attention_dim"]), generator=random)
        timesteps = torch.tensor(timesteps)
        target = torch.randn(sample.shape, generator=random)
        with torch.set_grad_enabled(case.gradients):
            output = unet(sample, timesteps, text).sample
        tensors |= {f"{index}/sample": sample, f"{index}/timesteps": timesteps, f"{index}/text": text,
                    f"{index}/output": output}
        if case.gradients:
            loss = torch.nn.functional.mse_loss(output, target)
            loss.backward()
            tensors |= {f"{index}/target": target, f"{index}/loss": loss}
            save_tensors(f"{case.name}/gradients.safetensors",
                         {key: parameter.grad for key, parameter in unet.named_parameters()})
    save_tensors(f"{case.name}/golden.safetensors", tensors)


def make() -> None:
    for case in CASES:
        make_case(case)
