"""Layers over flat parameters, channels last: activations are (batch, frames, height, width, channels)."""
import functools

import torch
import torch._dynamo
import torch.nn.functional as F

# One compilation for each width and kind of norm; what cannot be compiled runs as it is.
torch._dynamo.config.cache_size_limit = 64
torch._dynamo.config.suppress_errors = True

compiled = functools.cache(functools.partial(torch.compile, dynamic=True))


def fused(function, x, *arguments):
    """Through torch.compile where there is a GPU; as it is elsewhere."""
    return compiled(function)(x, *arguments) if x.is_cuda else function(x, *arguments)


@functools.cache
def group_norm(groups, width, eps, activate):
    """GroupNorm of groups · width channels over (N, L, C), with SiLU or without, in float32."""
    def function(x, weight, bias):
        n, l, c = x.shape
        h = x.float().reshape(n, l, groups, width)
        variance, mean = torch.var_mean(h, (1, 3), correction=0, keepdim=True)
        h = ((h - mean) * torch.rsqrt(variance + eps)).reshape(n, l, c) * weight.float() + bias.float()
        return (F.silu(h) if activate else h).to(x.dtype)
    return function


def gated(a, g):
    return a * F.gelu(g)


class Parameters:
    """All tensors of a model as one flat float32 vector: one cast, one optimiser step, one average for all."""

    def __init__(self, tensors, device):
        self.names, self.shapes = list(tensors), [t.shape for t in tensors.values()]
        self.sizes = [t.numel() for t in tensors.values()]
        self.flat = torch.cat([t.float().reshape(-1) for t in tensors.values()]).to(device).requires_grad_()
        self.average = self.flat.detach().clone()
        self.first, self.second, self.steps = torch.zeros_like(self.average), torch.zeros_like(self.average), 0

    def views(self, dtype, flat=None):
        pieces = (self.flat if flat is None else flat).to(dtype).split(self.sizes)
        return {n: p.view(s) for n, p, s in zip(self.names, pieces, self.shapes)}

    @torch.no_grad()
    def update(self, rate, averaging, clip=1.0, betas=(0.9, 0.99), decay=0.01, eps=1e-8):
        """AdamW as Sources/Layers/Optimizers has it, and the moving average."""
        gradient = self.flat.grad
        norm = gradient.norm()
        gradient *= (clip / norm).clamp(max=1)
        self.steps += 1
        self.first.lerp_(gradient, 1 - betas[0])
        self.second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
        self.flat.mul_(1 - rate * decay)
        denominator = (self.second / (1 - betas[1] ** self.steps)).sqrt_().add_(eps)
        self.flat.addcdiv_(self.first, denominator, value=-rate / (1 - betas[0] ** self.steps))
        self.flat.grad = None
        self.average.lerp_(self.flat, 1 - min(averaging, (self.steps + 1) / (self.steps + 10)))
        return norm


class Layers:
    """Layers by checkpoint name, over the tensors of one step."""

    def __init__(self, weights, groups, heads_of=16):
        self.w, self.groups, self.head = weights, groups, heads_of

    def linear(self, x, name):
        weight = self.w[f"{name}.weight"]
        return F.linear(x, weight.reshape(weight.shape[0], -1), self.w.get(f"{name}.bias"))

    def conv(self, x, name, stride=1):
        b, f, h, w, c = x.shape
        weight = self.w[f"{name}.weight"].contiguous(memory_format=torch.channels_last)
        y = F.conv2d(x.reshape(b * f, h, w, c).permute(0, 3, 1, 2), weight, self.w[f"{name}.bias"], stride=stride, padding=1)
        return y.permute(0, 2, 3, 1).reshape(b, f, *y.shape[2:], y.shape[1])

    def norm(self, x, name, eps, activate=True, over_frames=False):
        rows = x.shape[0] if over_frames else x.shape[0] * x.shape[1]
        function = group_norm(self.groups, x.shape[-1] // self.groups, eps, activate)
        y = fused(function, x.reshape(rows, -1, x.shape[-1]), self.w[f"{name}.weight"], self.w[f"{name}.bias"])
        return y.reshape(x.shape)

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-5)

    def resnet(self, x, name, emb=None, eps=1e-5):
        h = self.conv(self.norm(x, f"{name}.norm1", eps), f"{name}.conv1")
        if emb is not None:
            h = h + self.linear(emb, f"{name}.time_emb_proj")[:, None, None, None]
        h = self.conv(self.norm(h, f"{name}.norm2", eps), f"{name}.conv2")
        return (self.linear(x, f"{name}.conv_shortcut") if f"{name}.conv_shortcut.weight" in self.w else x) + h

    def heads(self, x):
        """(N, L, C) -> (N, heads, L, head width)"""
        return x.reshape(*x.shape[:2], -1, self.head).transpose(1, 2)

    def attention(self, name, query, key, value):
        """query, key, value: normalised tokens (N, L, C)"""
        if key.shape[1] == 1:  # attention over one token is that token
            return self.linear(self.linear(value, f"{name}.to_v"), f"{name}.to_out.0")
        q, k, v = (self.heads(self.linear(x, f"{name}.to_{n}")) for x, n in ((query, "q"), (key, "k"), (value, "v")))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(query.shape)
        return self.linear(y, f"{name}.to_out.0")

    def feed_forward(self, x, name):
        # Two products instead of one that is split: the gradient then needs no concatenation.
        weights, biases = (self.w[f"{name}.net.0.proj.{kind}"].chunk(2) for kind in ("weight", "bias"))
        a, g = (F.linear(x, w, b) for w, b in zip(weights, biases))
        return self.linear(fused(gated, a, g), f"{name}.net.2")

    def upsampled(self, x, name):
        return self.conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3), name)
