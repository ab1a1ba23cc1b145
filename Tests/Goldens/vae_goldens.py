"""AutoencoderKL: encode, sample with stored noise, decode, with gradients; with and without middle attention."""

import torch
from diffusers import AutoencoderKL
from golden_writer import folder, generator, randomize, save_json, save_tensors
from torch.nn.functional import mse_loss

OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
OLD_CONFIG = ["_class_name", "act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels",
              "layers_per_block", "norm_num_groups", "out_channels", "sample_size", "up_block_types"]


def new_vae(seed: int, channels: tuple, layers: int, groups: int, attention: bool = True,
            scaling: float = 0.18215) -> AutoencoderKL:
    return randomize(AutoencoderKL(
        block_out_channels=channels, down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels), layers_per_block=layers, norm_num_groups=groups,
        latent_channels=4, sample_size=32, mid_block_add_attention=attention,
        scaling_factor=scaling), seed)


def write_vae(name: str, vae: AutoencoderKL) -> None:
    vae.save_config(folder(name))
    save_tensors(f"{name}/diffusion_pytorch_model.safetensors", vae.state_dict())


def write_old_names(name: str, vae: AutoencoderKL) -> None:
    """The same model as checkpoints before diffusers 0.18 hold it: other attention keys, fewer config keys."""
    tensors = {}
    for key, value in vae.state_dict().items():
        if ".attentions." in key:
            for new, old in OLD_NAMES.items():
                key = key.replace(f".{new}.", f".{old}.")
        tensors[key] = value
    config = {"_class_name": "AutoencoderKL", "_diffusers_version": "0.8.0"} | dict(vae.config)
    save_json(f"{name}/config.json", {key: config[key] for key in OLD_CONFIG} | {"_diffusers_version": "0.8.0"})
    save_tensors(f"{name}/diffusion_pytorch_model.safetensors", tensors)


def golden(vae: AutoencoderKL, seed: int, images: list[tuple], latents: list[tuple]) -> dict[str, torch.Tensor]:
    random = generator(seed)
    tensors = {}
    with torch.no_grad():
        for index, shape in enumerate(images):
            image = torch.randn(shape, generator=random).clamp(-1, 1)
            posterior = vae.encode(image).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=random)
            tensors |= {f"encode/{index}/image": image, f"encode/{index}/mean": posterior.mean,
                        f"encode/{index}/log_variance": posterior.logvar, f"encode/{index}/noise": noise,
                        f"encode/{index}/sample": posterior.mean + posterior.std * noise}
        for index, shape in enumerate(latents):
            latent = torch.randn(shape, generator=random)
            tensors |= {f"decode/{index}/latents": latent, f"decode/{index}/image": vae.decode(latent).sample}
    return tensors


def write_gradients(name: str, vae: AutoencoderKL, values: dict[str, torch.Tensor]) -> None:
    """Gradients of mse(mean, target) + mse(log variance, target) + mse(decoded, target) for every parameter."""
    random = generator(77)
    posterior = vae.encode(values["encode/0/image"]).latent_dist
    decoded = vae.decode(values["decode/0/latents"]).sample
    targets = {key: torch.randn(value.shape, generator=random) for key, value in
               dict(mean=posterior.mean, log_variance=posterior.logvar, image=decoded).items()}
    loss = (mse_loss(posterior.mean, targets["mean"]) + mse_loss(posterior.logvar, targets["log_variance"])
            + mse_loss(decoded, targets["image"]))
    loss.backward()
    values |= {f"gradients/target_{key}": value for key, value in targets.items()} | {"gradients/loss": loss}
    save_tensors(f"{name}/gradients.safetensors", {key: p.grad for key, p in vae.named_parameters()})


def write_tiled(name: str, vae: AutoencoderKL) -> None:
    """Latents and a picture of more than a tile each way, coded with tiling: tiles of 32 pixels, 16 latents."""
    latents = torch.randn((1, 4, 20, 28), generator=generator(78))
    vae.enable_tiling()
    with torch.no_grad():
        picture = torch.randn((1, 3, 40, 58), generator=generator(79))
        posterior = vae.encode(picture).latent_dist
        save_tensors(f"{name}/tiled.safetensors", {
            "latents": latents, "image": vae.decode(latents).sample, "picture": picture, "mean": posterior.mean,
            "log_variance": posterior.logvar})
    vae.disable_tiling()


def make() -> None:
    vae = new_vae(31, (8, 16), layers=1, groups=4)
    values = golden(vae, 131, [(2, 3, 12, 10), (1, 3, 11, 15)], [(2, 4, 5, 7), (1, 4, 1, 3)])
    write_vae("vae-attention", vae)
    write_old_names("vae-old-names", vae)
    save_tensors("vae-old-names/golden.safetensors", values)
    write_gradients("vae-attention", vae, values)
    write_tiled("vae-attention", vae)
    save_tensors("vae-attention/golden.safetensors", values)

    vae = new_vae(32, (8, 8, 8), layers=2, groups=8, attention=False)
    write_vae("vae-no-attention", vae)
    save_tensors("vae-no-attention/golden.safetensors", golden(vae, 132, [(1, 3, 20, 28), (1, 3, 17, 23)], [(2, 4, 3, 5)]))
