"""torch's and diffusers' side of the benchmarks: the cases of BenchmarkWorker with the same inputs and protocol.

    python torch_worker.py CASE [key=value ...]      then a line `run` on standard input for each repetition
"""

import json
import os
import resource
import sys
import time

start = time.monotonic()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402


def sizes(options: dict) -> list[int]:
    return [int(size) for size in options["size"].split(",")]


def unet_inputs(options: dict, config: dict, random: torch.Generator):
    batch = int(options.get("batch", 1))
    shape = (batch, config["in_channels"], int(options.get("frames", 8)), int(options.get("height", 32)),
             int(options.get("width", 32)))
    latents, noise = torch.randn(shape, generator=random), torch.randn(shape, generator=random)
    return latents, noise, torch.randn((batch, 77, config["cross_attention_dim"]), generator=random)


def load_unet(options: dict):
    from diffusers import UNet3DConditionModel

    return UNet3DConditionModel.from_pretrained(options["model"], subfolder="unet", torch_dtype=torch.float32).eval()


def unet(options: dict, random: torch.Generator):
    model = load_unet(options).requires_grad_(False)
    latents, _, text = unet_inputs(options, model.config, random)

    def work():
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=options.get("autocast") == "1"):
            return model(latents, torch.tensor(500), text).sample.float()

    return work


def step(options: dict, random: torch.Generator, trains_weights: bool):
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "Goldens"))
    from motion_inversion_reference import Motion, MotionUNet

    model = load_unet(options).requires_grad_(trains_weights)
    latents, noise, text = unet_inputs(options, model.config, random)
    motion, parameters = None, list(model.parameters())
    forward = model
    if not trains_weights:
        forward = MotionUNet(model)
        tensors = {key: torch.zeros(shape).requires_grad_() for key, shape in forward.shapes(latents, text).items()}
        motion, parameters = Motion(tensors), list(tensors.values())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)

    def work():
        t = torch.tensor(500)
        output = model(latents, t, text).sample if trains_weights else forward(latents, t, text, motion)
        loss = F.mse_loss(output, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return work


def vae(options: dict, random: torch.Generator):
    from diffusers import AutoencoderKL

    model = AutoencoderKL.from_pretrained(options["model"], subfolder="vae", torch_dtype=torch.float32).eval()
    latents = torch.randn((int(options.get("frames", 8)), model.config.latent_channels,
                           int(options.get("height", 32)), int(options.get("width", 32))), generator=random)

    @torch.no_grad()
    def work():
        # Frame by frame: faster than the batch, and what a careful user does.
        return torch.cat([model.decode(frame).sample for frame in latents.split(1)])

    return work


def text(options: dict, random: torch.Generator):
    from transformers import CLIPTextModel

    model = CLIPTextModel.from_pretrained(options["model"], subfolder="text_encoder", dtype=torch.float32).eval()
    config = model.config
    tokens = torch.tensor([[(i * 37 + 5) % config.vocab_size for i in range(config.max_position_embeddings)]])

    @torch.no_grad()
    def work():
        return model(tokens).last_hidden_state

    return work


def operation(name: str, options: dict, random: torch.Generator):
    size = sizes(options)

    def draw(*shape):
        return torch.randn(shape, generator=random)

    if name == "linear":
        x, w, b = draw(size[0], size[2]), draw(size[1], size[2]), draw(size[1])
        return lambda: F.linear(x, w, b)
    if name == "conv":
        n, h, width, i, o = size
        x, w, b = draw(n, i, h, width), draw(o, i, 3, 3), draw(o)
        x, w = x.to(memory_format=torch.channels_last), w.to(memory_format=torch.channels_last)
        return lambda: F.conv2d(x, w, b, padding=1)
    if name == "temporal-conv":
        f, p, c = size
        x, w, b = draw(1, c, f, p, 1), draw(c, c, 3), draw(c)
        return lambda: F.conv3d(x, w[..., None, None], b, padding=(1, 0, 0))
    if name == "attention":
        n, queries, keys, heads, width = size
        q, k, v = (draw(n, length, heads * width) for length in (queries, keys, keys))

        def split(x):
            return x.unflatten(-1, (heads, width)).transpose(1, 2)

        return lambda: F.scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2)
    if name == "temporal-attention":
        f, p, heads, width = size
        # As diffusers calls it: pixels in the batch, (P, heads, F, width).
        q, k, v = (draw(1, f, p, heads * width)[0].transpose(0, 1).contiguous() for _ in range(3))

        def split(x):
            return x.unflatten(-1, (heads, width)).transpose(1, 2)

        return lambda: F.scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2)
    if name == "group-norm":
        n, p, c, groups = size
        x, w, b = draw(n, c, p), draw(c), draw(c)
        return lambda: F.silu(F.group_norm(x, groups, w, b, 1e-5))
    if name == "layer-norm":
        x, w, b = draw(*size), draw(size[1]), draw(size[1])
        return lambda: F.layer_norm(x, (size[1],), w, b, 1e-5)
    if name == "geglu":
        x = draw(*size)

        def work():
            a, gate = x.chunk(2, dim=-1)
            return a * F.gelu(gate)

        return work
    sys.exit(f"{name}: no such case")


def prepare(name: str, options: dict, random: torch.Generator):
    if name in ("unet", "vae", "text"):
        return {"unet": unet, "vae": vae, "text": text}[name](options, random)
    if name in ("inversion", "training"):
        return step(options, random, name == "training")
    work = operation(name, options, random)

    @torch.no_grad()
    def quiet():
        return work()

    return quiet


# Axes of single operations in the engine's order, channels last.
ORDER = {"conv": (0, 2, 3, 1), "temporal-conv": (0, 2, 3, 4, 1), "temporal-attention": (1, 0, 2), "group-norm": (0, 2, 1)}


def say(**values) -> None:
    print(json.dumps(values), flush=True)


def main() -> None:
    name, options = sys.argv[1], dict(argument.split("=", 1) for argument in sys.argv[2:])
    if threads := int(options.get("threads", 0)):
        torch.set_num_threads(threads)
    work = prepare(name, options, torch.Generator().manual_seed(1))
    say(ready=f"torch {torch.__version__}, {torch.get_num_threads()} threads", wall=time.monotonic() - start)
    for line in sys.stdin:
        if line.strip() != "run":
            break
        wall, cpu = time.monotonic(), time.process_time()
        output = work()
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        if "output" in options:
            output = output.permute(ORDER[name]) if name in ORDER else output
            output.contiguous().numpy().tofile(options["output"])
        say(wall=wall, cpu=cpu, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
