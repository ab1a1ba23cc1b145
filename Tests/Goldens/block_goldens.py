"""Single blocks of diffusers: forward, and gradients for the inputs and every parameter."""

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.resnet import Downsample2D, ResnetBlock2D, TemporalConvLayer, Upsample2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from golden_writer import generator, randomize, save_json, save_tensors

# For size: other cases of the same class have them.
WITHOUT_PARAMETER_GRADIENTS = {"transformer_temporal_wide", "transformer_temporal_head_16", "transformer_2d_head_16"}


def cases():
    """name -> (module, its inputs by name in the order of forward, attributes for the test)."""
    random = generator(4711)

    def r(*shape):
        return torch.randn(shape, generator=random)

    yield ("resnet_shortcut", ResnetBlock2D(in_channels=8, out_channels=12, temb_channels=16, groups=4, eps=1e-5),
           dict(input=r(3, 8, 5, 3), time_embedding=r(3, 16)), {"groups": 4, "epsilon": 1e-5})
    yield ("resnet_without_time", ResnetBlock2D(in_channels=8, temb_channels=None, groups=2, eps=1e-6),
           dict(input=r(2, 8, 3, 7), time_embedding=None), {"groups": 2, "epsilon": 1e-6})
    yield ("temporal_conv_layer", TemporalConvLayer(8, 8, dropout=0.1, norm_num_groups=4),
           dict(input=r(10, 8, 3, 4), frames=5), {"groups": 4, "frames": 5})
    temporal = dict(num_layers=1, norm_num_groups=4)
    yield ("transformer_temporal",
           TransformerTemporalModel(3, 4, in_channels=12, cross_attention_dim=10, **temporal),
           dict(input=r(10, 12, 3, 5), frames=5), {"groups": 4, "frames": 5, "heads": 3})
    yield ("transformer_temporal_wide", TransformerTemporalModel(8, 4, in_channels=8, **temporal),
           dict(input=r(7, 8, 2, 3), frames=7), {"groups": 4, "frames": 7, "heads": 8})
    yield ("transformer_temporal_head_16", TransformerTemporalModel(2, 16, in_channels=32, **temporal),
           dict(input=r(8, 32, 1, 3), frames=8), {"groups": 4, "frames": 8, "heads": 2})
    yield ("transformer_2d_head_16", Transformer2DModel(1, 16, in_channels=16, num_layers=1, cross_attention_dim=6,
                                                        norm_num_groups=4, use_linear_projection=True),
           dict(input=r(2, 16, 5, 3), text=r(2, 77, 6)), {"groups": 4, "heads": 1, "linear": True})
    for name, linear in (("transformer_2d_linear", True), ("transformer_2d_convolution", False)):
        yield (name, Transformer2DModel(2, 8, in_channels=16, num_layers=1, cross_attention_dim=10,
                                        norm_num_groups=8, use_linear_projection=linear),
               dict(input=r(4, 16, 3, 5), text=r(4, 7, 10)), {"groups": 8, "heads": 2, "linear": linear})
    yield ("vae_attention", Attention(12, heads=1, dim_head=12, eps=1e-6, norm_num_groups=4, bias=True,
                                      residual_connection=True, upcast_softmax=True, _from_deprecated_attn_block=True),
           dict(input=r(2, 12, 3, 5)), {"groups": 4, "heads": 1, "epsilon": 1e-6})
    yield ("downsample", Downsample2D(6, use_conv=True, padding=1, name="op"), dict(input=r(2, 6, 5, 7)), {})
    yield ("downsample_vae", Downsample2D(6, use_conv=True, padding=0, name="op"), dict(input=r(2, 6, 5, 8)), {})
    yield ("upsample", Upsample2D(6, use_conv=True), dict(input=r(2, 6, 3, 4)), {})
    yield ("upsample_to_size", Upsample2D(6, use_conv=True), dict(input=r(2, 6, 3, 4), size=(5, 7)), {"size": [5, 7]})
    yield "time_embedding", TimestepEmbedding(8, 32), dict(input=r(3, 8)), {}


def call(name: str, module: torch.nn.Module, inputs: dict) -> torch.Tensor:
    x = inputs["input"]
    if "frames" in inputs and isinstance(module, TemporalConvLayer):
        return module(x, num_frames=inputs["frames"])
    if "frames" in inputs:
        return module(x, num_frames=inputs["frames"], return_dict=False)[0]
    if "text" in inputs:
        return module(x, inputs["text"], return_dict=False)[0]
    return module(*inputs.values())


def make() -> None:
    random = generator(12)
    tensors, attributes = {}, {}
    for seed, (name, module, inputs, values) in enumerate(cases()):
        randomize(module, seed)
        for value in inputs.values():
            if torch.is_tensor(value):
                value.requires_grad_()
        output = call(name, module, inputs)
        grad_output = torch.randn(output.shape, generator=random)
        (output * grad_output).sum().backward()
        tensors |= {f"{name}/output": output, f"{name}/grad_output": grad_output}
        for key, value in inputs.items():
            if torch.is_tensor(value):
                tensors |= {f"{name}/{key}": value, f"{name}/grad_{key}": value.grad}
        for key, parameter in module.named_parameters():
            tensors[f"{name}/weights/{key}"] = parameter
            if name not in WITHOUT_PARAMETER_GRADIENTS:
                tensors[f"{name}/gradients/{key}"] = parameter.grad
        attributes[name] = values
    timesteps = torch.tensor([0, 1, 37, 500, 981, 999])
    for channels in (8, 320):
        tensors[f"sinusoid/{channels}"] = Timesteps(channels, True, 0)(timesteps)
    tensors["sinusoid/timesteps"] = timesteps
    save_tensors("blocks/blocks.safetensors", tensors)
    save_json("blocks/blocks.json", attributes)
