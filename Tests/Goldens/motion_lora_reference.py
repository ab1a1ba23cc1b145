"""MotionDirector, TAP and VMC on diffusers' UNet3DConditionModel, written from the papers' formulas.

Low-rank additions y = W x + dropout(up(down x)); down starts normal with deviation 1 / rank, up at zero. The motion's targets
are Linears of the temporal transformers, the appearance's the self-attention and feed-forward of the spatial ones. Masks of
dropout are drawn from generators of their own, in the order (frames, pixels, channels), so that any engine can draw them.
"""

from dataclasses import dataclass, field

import torch
from diffusers.models.resnet import TemporalConvLayer
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from motion_inversion_reference import MotionUNet, draw_timestep, loss_value

ENDS = {"all": ("to_q", "to_k", "to_v", "to_out.0", "net.0.proj", "net.2"), "k": ("to_k",), "k+out": ("to_k", "to_out.0"),
        "qk": ("to_q", "to_k")}


def linears(unet, ancestor: type, ends: tuple[str, ...], without: str = "/") -> list[str]:
    """Paths in the order of named_modules."""
    return [f"{path}.{name}" for path, module in unet.named_modules() if isinstance(module, ancestor)
            for name, child in module.named_modules()
            if isinstance(child, torch.nn.Linear) and name.endswith(ends) and without not in name]


def temporal_paths(unet, targets: str) -> list[str]:
    return linears(unet, TransformerTemporalModel, ENDS[targets])


def spatial_paths(unet) -> list[str]:
    return linears(unet, Transformer2DModel, ENDS["all"], "attn2")


@dataclass
class LowRankSet:
    paths: list[str]
    down: list[torch.Tensor]
    up: list[torch.Tensor]

    @staticmethod
    def start(unet, paths: list[str], rank: int, random: torch.Generator) -> "LowRankSet":
        modules = [unet.get_submodule(path) for path in paths]
        down = [torch.randn((rank, m.in_features), generator=random) / rank for m in modules]
        return LowRankSet(paths, [d.requires_grad_() for d in down],
                          [torch.zeros((m.out_features, rank)).requires_grad_() for m in modules])

    def parameters(self) -> list[torch.Tensor]:
        return [tensor for pair in zip(self.up, self.down, strict=True) for tensor in pair]


@dataclass
class Changes:
    """What one forward changes in the model."""

    sets: list[tuple[LowRankSet, int]] = field(default_factory=list)  # with a seed for dropout
    dropout: float = 0.0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    still: bool = False
    highway: tuple[set[int], float, int | None] | None = None


class ChangedUNet:
    """A UNet that obeys Changes."""

    def __init__(self, motion: MotionUNet):
        self.motion, self.unet = motion, motion.unet

    def __call__(self, z, t, text, changes: Changes, motion=None) -> torch.Tensor:
        hooks = [self.addition(part, index, seed, changes.dropout) for part, seed in changes.sets
                 for index in range(len(part.paths))]
        hooks += [self.replacement(path, weight) for path, weight in changes.weights.items()]
        if changes.still:
            hooks += [module.register_forward_hook(self.passing) for module in self.unet.modules()
                      if isinstance(module, (TransformerTemporalModel, TemporalConvLayer))]
        if changes.highway is not None:
            hooks += self.highway(*changes.highway)
        try:
            return self.motion(z, t, text, motion)
        finally:
            for hook in hooks:
                hook.remove()

    def addition(self, part: LowRankSet, index: int, seed: int, dropout: float):
        path, down, up = part.paths[index], part.down[index], part.up[index]
        temporal = ".temp_attentions." in path or path.startswith("transformer_in")

        def hook(module, arguments, output):
            change = arguments[0] @ down.T @ up.T
            if dropout > 0:
                random = torch.Generator().manual_seed(seed + index)
                mask = (torch.rand(change.numel(), generator=random) >= dropout).float() / (1 - dropout)
                a, b, c = change.shape  # temporal: (pixels, frames, C)
                change = change * (mask.view(b, a, c).transpose(0, 1) if temporal else mask.view(a, b, c))
            return output + change

        return self.unet.get_submodule(path).register_forward_hook(hook)

    def replacement(self, path: str, weight: torch.Tensor):
        return self.unet.get_submodule(path).register_forward_hook(
            lambda module, arguments, output: torch.nn.functional.linear(arguments[0], weight, module.bias))

    @staticmethod
    def passing(module, arguments, output):
        return (arguments[0],) if isinstance(module, TransformerTemporalModel) else arguments[0]

    def highway(self, levels: set[int], scale: float, channels: int | None) -> list:
        """Skips from the spatial transformers. channels None: these are scaled; else those joined to that many channels."""
        seen: dict[int, list[torch.Tensor]] = {level: [] for level in levels}
        hooks = []
        for level in levels:
            block = self.unet.down_blocks[level]
            for attention in block.attentions:
                hooks.append(attention.register_forward_hook(
                    lambda module, arguments, output, level=level: seen[level].append(output[0])))

            def rewire(module, arguments, output, level=level):
                hidden, skips = output
                new = [x * (scale if channels is None else 1) for x in seen[level]]
                seen[level] = []
                return hidden, (*new, *skips[len(new):])

            hooks.append(block.register_forward_hook(rewire))
        for block in self.unet.up_blocks:
            if channels is None or not hasattr(block, "attentions"):
                continue

            def scaled(module, arguments, keywords):
                skips, width = list(keywords["res_hidden_states_tuple"]), keywords["hidden_states"].shape[1]
                for layer, resnet in enumerate(module.resnets):
                    if width == channels:
                        skips[-1 - layer] = skips[-1 - layer] * scale
                    width = resnet.out_channels
                return arguments, keywords | {"res_hidden_states_tuple": tuple(skips)}

            hooks.append(block.register_forward_pre_hook(scaled, with_kwargs=True))
        return hooks


def learn(unet: ChangedUNet, scheduler, clips: list[tuple[torch.Tensor, torch.Tensor]], method: str, loss: str, targets: str,
          rank: int, steps: int, rate: float, dropout: float, random: torch.Generator, motion_start=None):
    """Losses and what was learned. clips: latents and encoded prompt of each. motion_start: Motion Inversion's leaves."""
    motion = weights = None
    if method == "motion-inversion":
        from motion_inversion_reference import Motion
        motion = Motion(motion_start)
        learned = list(motion_start.values())
    elif method == "vmc":
        paths = [path for path in linears(unet.unet, TransformerTemporalModel, ("to_q", "to_k", "to_v"))
                 if "temp_attentions" in path]
        weights = {path: unet.unet.get_submodule(path).weight.detach().clone().requires_grad_() for path in paths}
        learned = list(weights.values())
    else:
        part = LowRankSet.start(unet.unet, temporal_paths(unet.unet, targets), rank, random)
        learned = part.parameters()
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.01)
    appearances = []
    if loss == "hybrid":
        for _ in clips:
            look = LowRankSet.start(unet.unet, spatial_paths(unet.unet), rank, random)
            appearances.append((look, torch.optim.AdamW(
                look.parameters(), lr=5e-4 if method == "motion-inversion" else rate, weight_decay=0.01)))
    losses = []

    def integer(below: int) -> int:
        return torch.randint(0, below, (1,), generator=random).item()

    for _ in range(steps):
        index = integer(len(clips)) if len(clips) > 1 else 0
        latents, text = clips[index]
        t = draw_timestep("uniform", scheduler.config.num_train_timesteps, random)
        noise = torch.randn(latents.shape, generator=random)
        noisy, changes, look_slopes = scheduler.add_noise(latents, noise, t), Changes(dropout=dropout), None
        if loss == "hybrid" and torch.rand(1, generator=random).item() >= 0.2:
            look = appearances[index][0]
            frame, seed = integer(latents.shape[2]), integer(2**31) if dropout > 0 else 0
            shown = unet(noisy[:, :, frame : frame + 1], t, text, Changes([(look, seed)], dropout, still=True))
            error = torch.nn.functional.mse_loss(shown, noise[:, :, frame : frame + 1])
            look_slopes = torch.autograd.grad(error, look.parameters())
        anchor = integer(latents.shape[2]) if loss in ("debiased", "hybrid") else 0
        low_rank = method in ("motion-director", "tap")
        seed = integer(2**31) if dropout > 0 and (low_rank or look_slopes is not None) else 0
        if low_rank:
            changes.sets.append((part, seed))
        if look_slopes is not None:
            changes.sets.append((appearances[index][0], seed + 2**31))
        changes.weights = weights or {}
        value = loss_value("debiased" if loss == "hybrid" else loss, unet(noisy, t, text, changes, motion), noise, anchor)
        optimizer.zero_grad()
        for tensor, slope in zip(learned, torch.autograd.grad(value, learned), strict=True):
            tensor.grad = slope
        if method == "vmc":
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        if look_slopes is not None:
            look, look_optimizer = appearances[index]
            for tensor, slope in zip(look.parameters(), look_slopes, strict=True):
                tensor.grad = slope
            look_optimizer.step()
        losses.append(value.item())
    return losses, motion_start if motion else weights if weights else part
