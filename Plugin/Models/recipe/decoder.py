"""The decoder of diffusers' AutoencoderKL over its checkpoint's names."""
import torch.nn.functional as F

from layers import Layers


def decode(weights, config, latents):
    """latents (B, F, h, w, C) -> pixels (B, F, 8h, 8w, 3)"""
    channels = config["block_out_channels"]
    layers = Layers(weights, config["norm_num_groups"], channels[-1])
    h = layers.conv(layers.linear(latents, "post_quant_conv"), "decoder.conv_in")
    mid = "decoder.mid_block"
    h = layers.resnet(h, f"{mid}.resnets.0", eps=1e-6)
    tokens = layers.norm(h, f"{mid}.attentions.0.group_norm", 1e-6, activate=False).flatten(0, 1).flatten(1, 2)
    h = h + layers.attention(f"{mid}.attentions.0", tokens, tokens, tokens).reshape(h.shape)
    h = layers.resnet(h, f"{mid}.resnets.1", eps=1e-6)
    for level in range(len(channels)):
        name = f"decoder.up_blocks.{level}"
        for i in range(config["layers_per_block"] + 1):
            h = layers.resnet(h, f"{name}.resnets.{i}", eps=1e-6)
        if level + 1 < len(channels):
            h = layers.upsampled(h, f"{name}.upsamplers.0.conv")
    return layers.conv(layers.norm(h, "decoder.conv_norm_out", 1e-6), "decoder.conv_out")
