"""A model folder as `motiontransfer train --stage export` writes it."""
import json

from safetensors.torch import load_file, save_file

from layers import Parameters

FILES = {"unet": "unet/diffusion_pytorch_model", "text_encoder": "text_encoder/model", "vae": "vae/diffusion_pytorch_model"}


class Folder:
    def __init__(self, path):
        self.path = path
        self.configs = {part: json.load(open(f"{path}/{part}/config.json")) for part in FILES}
        self.tensors = {part: load_file(f"{path}/{name}.safetensors") for part, name in FILES.items()}

    def parameters(self, device, *prefixes):
        """The tensors whose `<part>.<name>` starts with one of the prefixes, to be trained."""
        named = {f"{p}.{n}": t for p, tensors in self.tensors.items() for n, t in tensors.items()}
        return Parameters({n: t for n, t in named.items() if n.startswith(prefixes)}, device)

    def take(self, parameters):
        """Takes the moving averages up."""
        for name, tensor in parameters.views(parameters.average.dtype, parameters.average).items():
            part, own = name.split(".", 1)
            self.tensors[part][own] = tensor.detach().cpu()

    def write(self, *parts):
        for part in parts:
            tensors = {n: t.half().contiguous() for n, t in self.tensors[part].items()}
            save_file(tensors, f"{self.path}/{FILES[part]}.safetensors", metadata={"format": "pt"})


def part(weights, name):
    """Tensors of one part, without the part's name."""
    return {n[len(name) + 1:]: t for n, t in weights.items() if n.startswith(f"{name}.")}
