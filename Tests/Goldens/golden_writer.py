"""How every golden is written: safetensors in torch's own layouts, JSON for lists, random parameters."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).parent


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def folder(name: str) -> Path:
    path = ROOT / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def save_tensors(path: str | Path, tensors: dict[str, torch.Tensor]) -> None:
    """Writes tensors; refuses values that could not tell a right engine from a wrong one."""
    plain = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous().clone()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{path}: {name} is not finite")
        if tensor.is_floating_point() and tensor.numel() > 1 and tensor.abs().max() == 0:
            raise ValueError(f"{path}: {name} is all zero")
        plain[name] = tensor
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(plain, path)


def save_json(path: str | Path, value) -> None:
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def randomize(module: torch.nn.Module, seed: int, gain: float = 1.0) -> torch.nn.Module:
    """Gives every parameter a random value, so that none is trivially zero or one.

    Diffusers starts some layers at zero (the last temporal convolution) and norms at one and zero; with such
    values a golden would not notice a wrong layer. Matrices and kernels: normal with deviation gain / sqrt(fan in)
    (variance kept at gain 1); norm weights 1 + 0.2 n; biases and embeddings 0.1 n and 0.5 n.
    """
    random = generator(seed)
    norms = (torch.nn.GroupNorm, torch.nn.LayerNorm)
    with torch.no_grad():
        for child in module.modules():
            for name, parameter in child.named_parameters(recurse=False):
                noise = torch.randn(parameter.shape, generator=random)
                if isinstance(child, norms) and name == "weight":
                    parameter.copy_(1 + 0.2 * noise)
                elif isinstance(child, torch.nn.Embedding):
                    parameter.copy_(0.5 * noise)
                elif parameter.ndim >= 2:
                    parameter.copy_(noise * (gain / parameter[0].numel() ** 0.5))
                else:
                    parameter.copy_(0.1 * noise)
    return module.eval()
