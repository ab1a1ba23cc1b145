"""SynMotion (Tan et al. 2025, arXiv 2506.23690) on a text encoder of CLIP's kind, written from the paper's formulas.

    e_i <- e_i + Z(m_k) for the k-th token of the motion's phrase,  e_i + Z(s) for a token of the subject
    e <- e + Z(R(e))

Each Z is a linear map of its own that starts at zero; R is two layers of the text encoder's kind, in which every token
sees all others. A share of the learning steps sees the model's own clips and teaches s alone.
"""

import torch
from torch.nn import functional as F

LAYERS = 2


class DualEmbedding:
    def __init__(self, config, start: torch.Tensor, random: torch.Generator):
        """start: (K, D), the phrase as the text encoder has it."""
        width, inner = config.hidden_size, config.intermediate_size
        self.config, self.tensors = config, {}

        def normal(name, shape, deviation):
            self.tensors[name] = torch.randn(shape, generator=random) * deviation

        self.tensors["motion"] = start.clone()
        normal("subject", (1, width), 1)
        for name in ("motion", "subject", "refiner"):
            self.tensors[f"{name}_projection.weight"] = torch.zeros(width, width)
            self.tensors[f"{name}_projection.bias"] = torch.zeros(width)
        narrow = (2 * width * LAYERS) ** -0.5
        for layer in (f"refiner.layers.{i}." for i in range(LAYERS)):
            for norm in ("layer_norm1", "layer_norm2"):
                self.tensors[f"{layer}{norm}.weight"] = torch.ones(width)
                self.tensors[f"{layer}{norm}.bias"] = torch.zeros(width)
            for name, shape, deviation in (
                    ("self_attn.q_proj", (width, width), narrow), ("self_attn.k_proj", (width, width), narrow),
                    ("self_attn.v_proj", (width, width), narrow), ("self_attn.out_proj", (width, width), width**-0.5),
                    ("mlp.fc1", (inner, width), (2 * width) ** -0.5), ("mlp.fc2", (width, inner), narrow)):
                normal(f"{layer}{name}.weight", shape, deviation)
                self.tensors[f"{layer}{name}.bias"] = torch.zeros(shape[0])
        for tensor in self.tensors.values():
            tensor.requires_grad_()

    def linear(self, x, name):
        return F.linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"],
                            self.config.layer_norm_eps)

    def refined(self, x):
        def heads(y):
            return y.unflatten(-1, (self.config.num_attention_heads, -1)).transpose(1, 2)

        for layer in (f"refiner.layers.{i}." for i in range(LAYERS)):
            h = self.norm(x, layer + "layer_norm1")
            q, k, v = (heads(self.linear(h, f"{layer}self_attn.{p}_proj")) for p in "qkv")
            x = x + self.linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2),
                                layer + "self_attn.out_proj")
            h = self.linear(self.norm(x, layer + "layer_norm2"), layer + "mlp.fc1")
            h = F.gelu(h) if self.config.hidden_act == "gelu" else h * torch.sigmoid(1.702 * h)
            x = x + self.linear(h, layer + "mlp.fc2")
        return x

    def __call__(self, e: torch.Tensor, roles: list) -> torch.Tensor:
        """e: (1, L, D); roles: None, "subject" or the place in the phrase of each token."""
        motion, subject = (self.linear(self.tensors[name], f"{name}_projection") for name in ("motion", "subject"))
        rows = [torch.zeros_like(subject[0]) if role is None else subject[0] if role == "subject" else motion[role]
                for role in roles]
        e = e + torch.stack(rows)
        return e + self.linear(self.refined(e), "refiner_projection")


def roles(ids: list[int], end: int, phrase: list[int]) -> list:
    """ids: start, words, end, padding."""
    count = ids.index(end)
    start = next(i for i in range(1, count) if ids[i : i + len(phrase)] == phrase)
    return [None if not 0 < i < count else i - start if start <= i < start + len(phrase) else "subject"
            for i in range(len(ids))]
