"""DDIM inversion, written from its formulas: latents become the noise from which DDIM would sample them.

Over the scheduler's own time steps, ascending; a-bar of the step before (the first: the scheduler's final a-bar) is the
noise level of z, t the step that the model is asked for:

    eps = eps(z, t)                        from the model's prediction, whatever its type, with a-bar of t
    x0  = (z - sqrt(1 - a-bar_before) eps) / sqrt(a-bar_before)
    z   = sqrt(a-bar_t) x0 + sqrt(1 - a-bar_t) eps

Only the last step can have a-bar = 0 (zero terminal signal to noise ratio), and it is never divided by.
"""

from collections.abc import Callable

import torch


def epsilon(prediction: torch.Tensor, z: torch.Tensor, alpha_bar: torch.Tensor, kind: str) -> torch.Tensor:
    """The noise that a prediction stands for, z taken as a sample at this alpha-bar."""
    if kind == "epsilon":
        return prediction
    if kind == "v_prediction":
        return alpha_bar.sqrt() * prediction + (1 - alpha_bar).sqrt() * z
    return (z - alpha_bar.sqrt() * prediction) / (1 - alpha_bar).sqrt()  # sample


def invert(scheduler, steps: int, latents: torch.Tensor,
           predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
    """The latents after each step; the last is the inversion noise."""
    scheduler.set_timesteps(steps)
    before, z, trace = scheduler.final_alpha_cumprod, latents, []
    for t in scheduler.timesteps.flip(0):
        alpha_bar = scheduler.alphas_cumprod[t]
        eps = epsilon(predict(z, t), z, alpha_bar, scheduler.config.prediction_type)
        x0 = (z - (1 - before).sqrt() * eps) / before.sqrt()
        z = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
        trace.append(z)
        before = alpha_bar
    return trace
