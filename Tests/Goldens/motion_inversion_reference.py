"""Motion Inversion (Wang et al., SIGGRAPH 2025) on diffusers' UNet3DConditionModel, written from the paper's formulas.

In each chosen temporal block, for each of its two self-attentions a, with X = LayerNorm(x) of shape (B*H*W, F, C):

    Q = W_q (X + s m_QK)    K = W_k (X + s m_QK)    V = W_v (X + s D(m_V[a]))                                  (eq. 3)

m_QK (1,F,C) is shared by both attentions, m_V (HW,F,C) is one per attention. D is the debias (eq. 5):

    difference  D(m)_1 = m_1, D(m)_j = m_j - m_(j-1)      normalize  D(m) = m - mean over frames of m
    none        D(m) = m, as in learning                  camera     D(m) = 0

The paper's other designs have m_QK (HW,F,C) or m_V (1,F,C). Of the differences, D(m)_1 may also be 0 ("zeroed") or
m_1 - mean over frames of m ("mean-subtracted").
"""

from dataclasses import dataclass

import torch
from diffusers import UNet3DConditionModel


def debias(m: torch.Tensor, mode: str, first: str = "kept") -> torch.Tensor:
    """m: (HW,F,C)"""
    if mode == "difference":
        start = {"kept": m[:, :1], "zeroed": torch.zeros_like(m[:, :1]),
                 "mean-subtracted": m[:, :1] - m.mean(dim=1, keepdim=True)}[first]
        return torch.cat([start, m[:, 1:] - m[:, :-1]], dim=1)
    if mode == "normalize":
        return m - m.mean(dim=1, keepdim=True)
    if mode == "camera":
        return torch.zeros_like(m)
    return m


@dataclass
class Motion:
    """The embedding by its file's keys, and how it is applied."""

    tensors: dict[str, torch.Tensor]
    mode: str = "none"
    scale: float = 1.0
    value_scale: float | None = None
    first: str = "kept"


@dataclass
class MotionAttention:
    """diffusers' attention processor for one self-attention of a temporal block."""

    block: str
    name: str
    motion: Motion | None = None

    def __call__(self, attention, hidden_states, encoder_hidden_states=None, attention_mask=None):
        query_key = value = hidden_states
        if self.motion is not None:
            m_qk = self.motion.tensors[f"{self.block}.pos_embed"]
            m_v = debias(self.motion.tensors[f"{self.block}.{self.name}.vSpatial"], self.motion.mode, self.motion.first)

            def spread(m):  # pixels vary fastest: the same rows for every clip
                return m if m.shape[0] == 1 else m.repeat(hidden_states.shape[0] // m.shape[0], 1, 1)

            value_scale = self.motion.scale if self.motion.value_scale is None else self.motion.value_scale
            query_key = hidden_states + self.motion.scale * spread(m_qk)
            value = hidden_states + value_scale * spread(m_v)

        def split(x):
            return x.unflatten(-1, (attention.heads, -1)).transpose(1, 2)

        q, k, v = split(attention.to_q(query_key)), split(attention.to_k(query_key)), split(attention.to_v(value))
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
        return attention.to_out[0]((weights @ v).transpose(1, 2).flatten(2))


class MotionUNet:
    """A UNet whose temporal attentions of all down and up blocks listen to a Motion."""

    def __init__(self, unet: UNet3DConditionModel):
        self.unet = unet
        self.processors = []
        self.blocks = {}
        for path, module in unet.named_modules():
            if ".temp_attentions." in path and path.startswith(("down_blocks", "up_blocks")) and (
                    path.endswith(".transformer_blocks.0")):
                self.blocks[path] = module
                for name in ("attn1", "attn2"):
                    self.processors.append(MotionAttention(path, name))
                    getattr(module, name).processor = self.processors[-1]

    def __call__(self, z, t, text, motion: Motion | None = None) -> torch.Tensor:
        for processor in self.processors:
            processor.motion = motion
        output = self.unet(z, t, text).sample
        for processor in self.processors:
            processor.motion = None
        return output

    @torch.no_grad()
    def shapes(self, latents: torch.Tensor, text: torch.Tensor, design: str = "1d-2d") -> dict[str, tuple[int, ...]]:
        """The embedding's shapes for these latents (1,C,F,h,w), as the blocks see them."""
        query_key, value = (part == "2d" for part in design.split("-"))
        shapes = {}

        def note(path: str):
            def hook(module, arguments, keywords):
                pixels, frames, channels = (arguments[0] if arguments else keywords["hidden_states"]).shape
                shapes[f"{path}.pos_embed"] = (pixels if query_key else 1, frames, channels)
                for name in ("attn1", "attn2"):
                    shapes[f"{path}.{name}.vSpatial"] = (pixels if value else 1, frames, channels)

            return hook

        hooks = [m.register_forward_pre_hook(note(path), with_kwargs=True) for path, m in self.blocks.items()]
        self(latents, torch.tensor(1), text)
        for hook in hooks:
            hook.remove()
        return shapes


def loss_value(name: str, prediction: torch.Tensor, target: torch.Tensor, anchor: int) -> torch.Tensor:
    """The losses by name; prediction and target (1,C,F,h,w), anchor a frame."""
    difference = [x[:, :, 1:] - x[:, :, :-1] for x in (prediction, target)]
    if name == "vmc-paper":
        one, other = (x.transpose(1, 2).flatten(2)[0] for x in difference)
        return (1 - torch.cosine_similarity(one, other, dim=1)).mean()
    if name == "vmc-code":
        return (1 - torch.cosine_similarity(difference[0].abs(), difference[1].abs(), dim=2)).mean()
    loss = torch.nn.functional.mse_loss(prediction, target)
    if name == "debiased":
        one, other = (2**0.5 * x - x[:, :, anchor : anchor + 1] for x in (prediction, target))
        loss = loss + torch.nn.functional.mse_loss(one, other)
    return loss


def draw_timestep(sampling: str, count: int, random: torch.Generator) -> torch.Tensor:
    t = torch.randint(0, count, (1,), generator=random)
    if sampling == "cubic":
        t = torch.floor((1 - (t.double() / count) ** 3) * count).long().clamp(max=count - 1)
    return t


def learn(unet: MotionUNet, scheduler, latents: torch.Tensor, text: torch.Tensor, steps: int, rate: float,
          random: torch.Generator, loss: str = "base", design: str = "1d-2d", sampling: str = "uniform",
          ) -> tuple[dict[str, torch.Tensor], list[float], list[int]]:
    """Fits the embedding from zero (eq. 4 with the base loss). Each step draws the time step, the noise, then the anchor
    frame of the debiased loss."""
    tensors = {key: torch.zeros(shape).requires_grad_() for key, shape in unet.shapes(latents, text, design).items()}
    optimizer = torch.optim.AdamW(tensors.values(), lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, timesteps = [], []
    for _ in range(steps):
        t = draw_timestep(sampling, scheduler.config.num_train_timesteps, random)
        noise = torch.randn(latents.shape, generator=random)
        anchor = torch.randint(0, latents.shape[2], (1,), generator=random).item() if loss == "debiased" else 0
        velocity = scheduler.config.prediction_type == "v_prediction"
        target = scheduler.get_velocity(latents, noise, t) if velocity else noise
        prediction = unet(scheduler.add_noise(latents, noise, t), t, text, Motion(tensors))
        value = loss_value(loss, prediction, target, anchor)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
        timesteps.append(t.item())
    return {key: value.detach() for key, value in tensors.items()}, losses, timesteps
