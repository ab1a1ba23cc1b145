"""Layers over flat parameters, channels last: activations are (batch, frames, height, width, channels)."""
import torch
import torch.nn.functional as F

try:
    import kernels
except ImportError:  # no Triton: torch's own functions
    kernels = None


def fused(x):
    return kernels is not None and kernels.serves(x)


class Parameters:
    """All tensors of a model as one flat float32 vector: one cast, one optimiser step, one average for all."""

    def __init__(self, tensors, device):
        self.names, self.shapes = list(tensors), [t.shape for t in tensors.values()]
        self.sizes = [t.numel() for t in tensors.values()]
        self.flat = torch.cat([t.float().reshape(-1) for t in tensors.values()]).to(device).requires_grad_()
        self.average = self.flat.detach().clone()
        self.first, self.second = torch.zeros_like(self.average), torch.zeros_like(self.average)
        self.steps = torch.zeros((), dtype=torch.float64, device=device)

    def views(self, dtype, flat=None):
        pieces = (self.flat if flat is None else flat).to(dtype).split(self.sizes)
        return {n: p.view(s) for n, p, s in zip(self.names, pieces, self.shapes)}

    @torch.no_grad()
    def update(self, rate, averaging, clip=1.0, betas=(0.9, 0.99), decay=0.01, eps=1e-8):
        """AdamW as Sources/Layers/Optimizers has it, and the moving average; rate: a number or a tensor."""
        gradient = self.flat.grad
        norm = gradient.norm()
        gradient *= (clip / norm).clamp(max=1)
        self.steps += 1
        self.first.lerp_(gradient, 1 - betas[0])
        self.second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
        self.flat.mul_(1 - rate * decay)
        denominator = (self.second / (1 - betas[1] ** self.steps)).sqrt_().add_(eps)
        self.flat.sub_(self.first / denominator * (rate / (1 - betas[0] ** self.steps)))
        self.flat.grad = None
        kept = ((self.steps + 1) / (self.steps + 10)).clamp(max=averaging)
        self.average.add_((self.flat - self.average) * (1 - kept))
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
        """GroupNorm of every frame, or of all frames together, with SiLU or without."""
        rows, weight, bias = x.shape[0] if over_frames else x.shape[0] * x.shape[1], self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        h = x.reshape(rows, -1, x.shape[-1])
        if fused(x):
            return kernels.GroupNorm.apply(h, weight, bias, self.groups, eps, activate).reshape(x.shape)
        y = F.group_norm(h.transpose(1, 2), self.groups, weight, bias, eps).transpose(1, 2).reshape(x.shape)
        return F.silu(y) if activate else y

    def layer_norm(self, x, name):
        weight, bias = self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        return kernels.LayerNorm.apply(x, weight, bias, 1e-5) if fused(x) else F.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)

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
        q, k, v = (self.linear(x, f"{name}.to_{n}") for x, n in ((query, "q"), (key, "k"), (value, "v")))
        if fused(query) and q.shape[1] == k.shape[1] == self.head == 16:
            y = kernels.Attend.apply(q[:, :, None], k[:, :, None], v[:, :, None])[:, :, 0]
        else:
            y = F.scaled_dot_product_attention(*map(self.heads, (q, k, v))).transpose(1, 2).reshape(q.shape)
        return self.linear(y, f"{name}.to_out.0")

    def attention_over_frames(self, name, query, value):
        """query, value: normalised tokens (B, F, P, C); every cell attends over its own frames."""
        b, f, p, _ = query.shape
        if fused(query) and f == self.head == 16:
            q, k, v = (self.linear(x, f"{name}.to_{n}") for x, n in ((query, "q"), (query, "k"), (value, "v")))
            return self.linear(kernels.Attend.apply(q, k, v), f"{name}.to_out.0")
        cells = lambda t: t.transpose(1, 2).reshape(b * p, f, -1)
        return self.attention(name, cells(query), cells(query), cells(value)).reshape(b, p, f, -1).transpose(1, 2)

    def feed_forward(self, x, name):
        h = self.linear(x, f"{name}.net.0.proj")
        if fused(x):
            return self.linear(kernels.Gated.apply(h), f"{name}.net.2")
        a, g = h.chunk(2, -1)
        return self.linear(a * F.gelu(g), f"{name}.net.2")

    def upsampled(self, x, name):
        return self.conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3), name)
