"""The corpus that `motiontransfer train --stage corpus` wrote, drawn on a GPU: the renderer of Sources/Training/Corpus."""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

REACH = 1.5  # edge of a backdrop in frame edges


class Corpus:
    def __init__(self, path, device, size=128):
        data = load_file(path)
        self.size, self.device = size, device
        self.rendered = data["rendered"]
        whole = ("tokens", "plain_tokens", "sprite", "place", "backdrop")
        self.columns = {k: data[k].to(device).long() for k in whole}
        self.columns |= {k: data[k].to(device).float() for k in ("mirrored", "tint", "poses", "cameras")}
        self.clips, self.frames = data["poses"].shape[:2]
        self.backdrops = data["backdrops"].to(device).permute(0, 3, 1, 2).contiguous().to(torch.uint8)
        sprites = data["sprites"].to(device).permute(0, 3, 1, 2).float()
        self.sprites = [sprites]
        for _ in range(3):
            self.sprites.append(F.avg_pool2d(self.sprites[-1], 2))
        self.mean, self.encoder, self.decoder = (data[f"code.{k}"].to(device) for k in ("mean", "encoder", "decoder"))

    def draw(self, clips, moment=None, sprites=None):
        """Pictures of the given clips.

        clips: (B) indices; moment: (B) one frame of each, None: all; sprites: (B) other subjects than the clips' own.
        Returns pixels (B, F, 3, size, size) in -1 ... 1 and the subjects' alpha (B, F, 1, size, size).
        """
        c = {k: v[clips] for k, v in self.columns.items()}
        poses, cameras = c["poses"], c["cameras"]
        if moment is not None:
            pick = lambda x: x.gather(1, moment[:, None, None].expand(-1, 1, x.shape[2]))
            poses, cameras = pick(poses), pick(cameras)
        batch, frames, size = poses.shape[0], poses.shape[1], self.size
        at = (torch.arange(size, device=self.device) + 0.5) / size
        px, py = at[None, None, None, :], at[None, None, :, None]
        part = lambda x, i: x[..., i, None, None]

        x = (px - 0.5) / part(cameras, 2) + 0.5 + part(cameras, 0)
        y = (py - 0.5) / part(cameras, 2) + 0.5 + part(cameras, 1)
        x = torch.where(c["mirrored"][:, None, None, None] > 0, 1 - x, x)
        grid = lambda u, v: torch.stack(torch.broadcast_tensors(u * 2 - 1, v * 2 - 1), -1).reshape(batch, -1, size, 2)
        sample = lambda picture, g, padding: F.grid_sample(
            picture, g, mode="bilinear", padding_mode=padding, align_corners=False)
        backdrop = sample(self.backdrops[c["backdrop"]].float() / 255, grid((x + 0.25) / REACH, (y + 0.25) / REACH), "border")
        backdrop = backdrop + c["tint"][:, :, None, None]

        dx, dy = px - part(poses, 0), py - part(poses, 1)
        cos, sin = (f(part(poses, 3)) / part(poses, 2) for f in (torch.cos, torch.sin))
        g = grid(cos * dx + sin * dy + 0.5, cos * dy - sin * dx + 0.5)
        edge = self.sprites[0].shape[-1]
        level = torch.log2(edge / (poses[..., 2] * size).clamp_min(1)).clamp(0, len(self.sprites) - 1)
        chosen = c["sprite"] if sprites is None else sprites
        over = 0
        for i, sprite in enumerate(self.sprites):
            weight = (1 - (level - i).abs()).clamp_min(0).repeat_interleave(size, 1)[:, None, :, None]
            over = over + sample(sprite[chosen], g, "zeros") * weight
        alpha = over[:, 3:]
        pixels = ((backdrop * (1 - alpha) + over[:, :3]) * 2 - 1).clamp(-1, 1)
        split = lambda t: t.reshape(batch, t.shape[1], frames, size, size).transpose(1, 2)
        return split(pixels), split(alpha)

    def encode(self, pixels):
        """Patch codes (B, F, h, w, C) of pixels (B, F, 3, size, size)."""
        b, f, _, s, _ = pixels.shape
        patches = pixels.reshape(b, f, 3, s // 8, 8, s // 8, 8).permute(0, 1, 3, 5, 4, 6, 2).reshape(b, f, s // 8, s // 8, 192)
        return (patches - self.mean) @ self.encoder.T

    def decode(self, latents):
        """Pixels (B, F, 3, size, size) of patch codes, by the principal components alone."""
        b, f, h, w, _ = latents.shape
        patches = (latents @ self.decoder.T + self.mean).reshape(b, f, h, w, 8, 8, 3)
        return patches.permute(0, 1, 6, 2, 4, 3, 5).reshape(b, f, 3, h * 8, w * 8)
