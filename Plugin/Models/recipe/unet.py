"""diffusers' UNet3DConditionModel over its checkpoint's own names, fast enough to train on one GPU."""
import math

import torch
import torch.nn.functional as F

from layers import Layers


class UNet3D:
    def __init__(self, config):
        self.config = config
        self.levels = len(config["block_out_channels"])

    def __call__(self, weights, x, timesteps, text, motion=None):
        """x (B, F, h, w, C), timesteps (B), text (B, L, T) -> (B, F, h, w, C).

        motion: block path -> {"qk": (B or 1, F, 1, C), "v1", "v2": (B or 1, F, h·w, C)}, added in temporal attention.
        """
        c, layers = self.config, Layers(weights, self.config["norm_num_groups"], self.config["attention_head_dim"])
        self.layers, self.motion = layers, motion or {}
        half = c["block_out_channels"][0] // 2
        rates = torch.exp(-math.log(10000) * torch.arange(half, device=x.device) / half)
        angles = timesteps.float()[:, None] * rates
        emb = layers.linear(torch.cat([angles.cos(), angles.sin()], -1).to(x.dtype), "time_embedding.linear_1")
        self.emb = F.silu(layers.linear(F.silu(emb), "time_embedding.linear_2"))
        self.text = text

        h = self.temporal(layers.conv(x, "conv_in"), "transformer_in")
        skips = [h]
        for level, kind in enumerate(c["down_block_types"]):
            name = f"down_blocks.{level}"
            for i in range(c["layers_per_block"]):
                h = self.layer(h, name, i, kind)
                skips.append(h)
            if level + 1 < self.levels:
                h = layers.conv(h, f"{name}.downsamplers.0.conv", stride=2)
                skips.append(h)
        h = self.convolutions(h, "mid_block", 0)
        h = self.attentions(h, "mid_block", 0)
        h = self.convolutions(h, "mid_block", 1)
        for level, kind in enumerate(c["up_block_types"]):
            name = f"up_blocks.{level}"
            for i in range(c["layers_per_block"] + 1):
                h = self.layer(torch.cat([h, skips.pop()], -1), name, i, kind)
            if level + 1 < self.levels:
                h = layers.upsampled(h, f"{name}.upsamplers.0.conv")
        return layers.conv(layers.norm(h, "conv_norm_out", 1e-5), "conv_out")

    def layer(self, h, block, i, kind):
        h = self.convolutions(h, block, i)
        return self.attentions(h, block, i) if kind.startswith("CrossAttn") else h

    def convolutions(self, h, block, i):
        return self.temporal_conv(self.layers.resnet(h, f"{block}.resnets.{i}", self.emb), f"{block}.temp_convs.{i}")

    def attentions(self, h, block, i):
        return self.temporal(self.spatial(h, f"{block}.attentions.{i}"), f"{block}.temp_attentions.{i}")

    def temporal_conv(self, x, name):
        b, f, height, width, c = x.shape
        h = x
        for conv, last in (("conv1", 2), ("conv2", 3), ("conv3", 3), ("conv4", 3)):
            h = self.layers.norm(h, f"{name}.{conv}.0", 1e-5, over_frames=True)
            weight = self.layers.w[f"{name}.{conv}.{last}.weight"].squeeze(-1).contiguous(memory_format=torch.channels_last)
            y = F.conv2d(
                h.reshape(b, f, height * width, c).permute(0, 3, 1, 2), weight, self.layers.w[f"{name}.{conv}.{last}.bias"],
                padding=(1, 0))
            h = y.permute(0, 2, 3, 1).reshape(b, f, height, width, -1)
        return x + h

    def spatial(self, x, name):
        b, f, height, width, c = x.shape
        block, layers = f"{name}.transformer_blocks.0", self.layers
        h = layers.linear(layers.norm(x, f"{name}.norm", 1e-6, activate=False), f"{name}.proj_in")
        h = h.reshape(b * f, height * width, -1)
        y = layers.layer_norm(h, f"{block}.norm1")
        h = h + layers.attention(f"{block}.attn1", y, y, y)
        # All frames of a clip see the same text.
        y = layers.layer_norm(h, f"{block}.norm2").reshape(b, f * height * width, -1)
        h = h + layers.attention(f"{block}.attn2", y, self.text, self.text).reshape(h.shape)
        h = h + layers.feed_forward(layers.layer_norm(h, f"{block}.norm3"), f"{block}.ff")
        return x + layers.linear(h, f"{name}.proj_out").reshape(x.shape)

    def temporal(self, x, name):
        b, f, height, width, c = x.shape
        block, layers = f"{name}.transformer_blocks.0", self.layers
        h = layers.linear(layers.norm(x, f"{name}.norm", 1e-6, activate=False, over_frames=True), f"{name}.proj_in")
        h = h.reshape(b, f, height * width, -1)
        motion = self.motion.get(name, {})
        for i in (1, 2):
            y = layers.layer_norm(h, f"{block}.norm{i}")
            qk = y + motion["qk"].to(y.dtype) if "qk" in motion else y
            v = y + motion[f"v{i}"].to(y.dtype) if f"v{i}" in motion else y
            h = h + layers.attention_over_frames(f"{block}.attn{i}", qk, v)
        h = h + layers.feed_forward(layers.layer_norm(h, f"{block}.norm3"), f"{block}.ff")
        return x + layers.linear(h, f"{name}.proj_out").reshape(x.shape)


class TextEncoder:
    """transformers' CLIPTextModel, last hidden state, over its checkpoint's names."""

    def __init__(self, config):
        self.config = config

    def __call__(self, weights, tokens):
        c = self.config
        layers = Layers(weights, 1, c["hidden_size"] // c["num_attention_heads"])
        table = weights["embeddings.token_embedding.weight"]
        h = F.embedding(tokens, table) + weights["embeddings.position_embedding.weight"]
        for i in range(c["num_hidden_layers"]):
            name = f"encoder.layers.{i}"
            y = layers.layer_norm(h, f"{name}.layer_norm1")
            q, k, v = (layers.heads(layers.linear(y, f"{name}.self_attn.{n}_proj")) for n in "qkv")
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(h.shape)
            h = h + layers.linear(a, f"{name}.self_attn.out_proj")
            y = layers.linear(layers.layer_norm(h, f"{name}.layer_norm2"), f"{name}.mlp.fc1")
            h = h + layers.linear(y * torch.sigmoid(1.702 * y), f"{name}.mlp.fc2")
        return layers.layer_norm(h, "final_layer_norm")
