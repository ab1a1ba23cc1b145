#!/usr/bin/env python3
"""Every kernel against torch's own functions, values and gradients: on a GPU, or anywhere with TRITON_INTERPRET=1."""
import torch
import torch.nn.functional as F

import kernels

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)


def check(name, ours, theirs, *inputs):
    results = []
    for function in (ours, theirs):
        leaves = [x.clone().requires_grad_() for x in inputs]
        y = function(*leaves)
        torch.manual_seed(1)
        y.backward(torch.randn(y.shape, device=device))
        results.append([y.detach()] + [x.grad for x in leaves])
    for a, b in zip(*results):
        error = ((a - b).norm() / b.norm()).item()
        assert error < 1e-5, f"{name}: {error}"
    print(f"{name}: agrees", flush=True)


def random(*shape):
    return torch.randn(*shape, device=device)


def group_norm(groups, activate):
    def function(x, w, b):
        y = F.group_norm(x.transpose(1, 2), groups, w, b, 1e-5).transpose(1, 2)
        return F.silu(y) if activate else y
    return function


for channels, length in ((96, 300), (64, 17), (224, 64)):
    for activate in (False, True):
        ours = lambda x, w, b: kernels.GroupNorm.apply(x, w, b, 16, 1e-5, activate)
        check(f"GroupNorm {channels} {activate}", ours, group_norm(16, activate),
              random(3, length, channels) + 0.5, random(channels), random(channels))
for channels in (96, 128):
    check(f"LayerNorm {channels}", lambda x, w, b: kernels.LayerNorm.apply(x, w, b, 1e-5),
          lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b, 1e-5), random(2, 75, channels), random(channels), random(channels))
check("Gated", kernels.Gated.apply, lambda x: x.chunk(2, -1)[0] * F.gelu(x.chunk(2, -1)[1]), random(7, 5, 192))


def attention(q, k, v):
    heads = lambda x: x.unflatten(-1, (-1, 16)).permute(0, 2, 3, 1, 4)
    return F.scaled_dot_product_attention(heads(q), heads(k), heads(v)).permute(0, 3, 1, 2, 4).flatten(3)


check("Attend", kernels.Attend.apply, attention, random(2, 16, 5, 96), random(2, 16, 5, 96), random(2, 16, 5, 96))
