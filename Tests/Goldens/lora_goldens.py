"""Low-rank adapters on Linears of a UNet: output with each and all, and their gradients."""

import sampling_reference
import tiny_folders
import torch
from golden_writer import generator, save_tensors

PATHS = ["down_blocks.1.temp_attentions.0.transformer_blocks.0.attn1.to_k",
         "up_blocks.0.attentions.1.transformer_blocks.0.ff.net.2",
         "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v"]
RANK = 3


def make() -> None:
    pipeline = tiny_folders.load("tiny-zeroscope")
    unet, random = pipeline.unet, generator(91)
    sample = torch.randn((1, 4, 5, 5, 7), generator=random)
    target = torch.randn(sample.shape, generator=random)
    text, t = sampling_reference.encode_prompt(pipeline, "a dog running through the forest"), torch.tensor([321])
    tensors = {"sample": sample, "target": target, "text": text, "timesteps": t}
    adapters, active = {}, set()
    for path, scale in zip(PATHS, (0.7, 1.0, 1.3), strict=True):
        linear = unet.get_submodule(path)
        down = torch.randn((RANK, linear.in_features), generator=random) / linear.in_features**0.5
        up = torch.randn((linear.out_features, RANK), generator=random) / RANK**0.5
        adapters[path] = (down.requires_grad_(), up.requires_grad_(), scale)

        def hook(module, arguments, output, path=path):
            down, up, scale = adapters[path]
            return output + scale * arguments[0] @ down.T @ up.T if path in active else output

        linear.register_forward_hook(hook)
        tensors |= {f"{path}/down": down, f"{path}/up": up, f"{path}/scale": torch.tensor(scale)}

    tensors["output/without"] = unet(sample, t, text).sample
    for path in PATHS:
        active = {path}
        tensors[f"output/{path}"] = unet(sample, t, text).sample
    active = set(PATHS)
    output = unet(sample, t, text).sample
    loss = torch.nn.functional.mse_loss(output, target)
    loss.backward()
    tensors |= {"output": output, "loss": loss}
    for path, (down, up, _) in adapters.items():
        tensors |= {f"{path}/grad_down": down.grad, f"{path}/grad_up": up.grad}
    save_tensors("lora/lora.safetensors", tensors)
