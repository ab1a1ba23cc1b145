"""Noise levels of the bundled model: ZeroScope's, rescaled to zero terminal signal; v-prediction, trailing DDIM."""
import torch


def alpha_bars(device):
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    roots = torch.cumprod(1 - betas, 0).sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    return (((roots - last) * first / (first - last)) ** 2).float().to(device)


def noised(latents, noise, alpha_bar):
    """The noisy latents and what the model is to predict; alpha_bar (B)."""
    a = alpha_bar.view(-1, *[1] * (latents.dim() - 1))
    return a.sqrt() * latents + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * latents


@torch.no_grad()
def sample(predict, noise, steps=20, guidance=5.0, rescale=0.7):
    """Guided DDIM; predict(x, t) -> (unconditional, conditional) v, each as x."""
    bars = alpha_bars(noise.device)
    times = [round(1000 - i * 1000 / steps) - 1 for i in range(steps)]
    x = noise
    for i, t in enumerate(times):
        free, bound = predict(x, t)
        v = free + guidance * (bound - free)
        deviation = lambda z: z.flatten(1).std(1).view(-1, *[1] * (x.dim() - 1))
        v = v * (rescale * deviation(bound) / deviation(v) + 1 - rescale)
        a, after = bars[t], bars[times[i + 1]] if i + 1 < steps else torch.ones((), device=x.device)
        clean, eps = a.sqrt() * x - (1 - a).sqrt() * v, a.sqrt() * v + (1 - a).sqrt() * x
        x = after.sqrt() * clean + (1 - after).sqrt() * eps
    return x
