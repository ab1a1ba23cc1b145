"""Single operations: forward, and the gradient of sum(output * grad_output) for every input and weight."""

import torch
import torch.nn.functional as F
from golden_writer import generator, save_json, save_tensors


def cases():
    """name -> (function of the tensors, tensors by name, attributes for the test)."""
    random = generator(2024)

    def r(*shape):
        return torch.randn(shape, generator=random)

    def conv(stride=1, padding=(1, 1, 1, 1)):  # padding: top, left, bottom, right
        top, left, bottom, right = padding

        def run(input, weight, bias):
            return F.conv2d(F.pad(input, (left, right, top, bottom)), weight, bias, stride)

        return run, {"stride": stride, "padding": list(padding)}

    def conv_case(n, i, o, k, h, w, **attributes):
        run, values = conv(**attributes)
        return run, dict(input=r(n, i, h, w), weight=r(o, i, k, k) / (i * k * k) ** 0.5, bias=r(o)), values

    yield "conv2d_3x3", *conv_case(2, 5, 7, 3, 7, 5)
    yield "conv2d_3x3_stride2", *conv_case(2, 5, 6, 3, 7, 9, stride=2)
    yield "conv2d_3x3_stride2_even", *conv_case(1, 4, 6, 3, 8, 6, stride=2)
    yield "conv2d_3x3_stride2_asymmetric", *conv_case(2, 3, 5, 3, 7, 6, stride=2, padding=(0, 0, 1, 1))
    yield "conv2d_1x1", *conv_case(3, 6, 5, 1, 3, 5, padding=(0, 0, 0, 0))
    yield "conv2d_one_pixel", *conv_case(2, 3, 4, 3, 1, 1)

    for name, shape in {"temporal_conv": (2, 5, 5, 3, 4), "temporal_conv_one_frame": (1, 4, 1, 2, 3)}.items():
        channels = shape[1]
        yield (name, lambda input, weight, bias: F.conv3d(input, weight, bias, padding=(1, 0, 0)),
               dict(input=r(*shape), weight=r(7, channels, 3, 1, 1) / (3 * channels) ** 0.5, bias=r(7)), {})

    def group_norm(groups, epsilon, silu):
        def run(input, weight, bias):
            output = F.group_norm(input, groups, weight, bias, epsilon)
            return F.silu(output) if silu else output

        return run

    for name, shape, groups, epsilon, silu in [
        ("group_norm", (2, 12, 5, 3), 4, 1e-5, False),
        ("group_norm_silu", (3, 8, 3, 5), 2, 1e-6, True),
        ("group_norm_frames", (2, 6, 5, 3, 1), 3, 1e-6, False),
    ]:
        yield (name, group_norm(groups, epsilon, silu),
               dict(input=2 * r(*shape) + 0.5, weight=1 + 0.3 * r(shape[1]), bias=r(shape[1])),
               {"groups": groups, "epsilon": epsilon, "silu": silu})

    yield ("layer_norm", lambda input, weight, bias: F.layer_norm(input, (13,), weight, bias, 1e-5),
           dict(input=3 * r(4, 5, 13) - 1, weight=1 + 0.3 * r(13), bias=r(13)), {"epsilon": 1e-5})
    yield ("linear", F.linear, dict(input=r(3, 5, 7), weight=r(11, 7) / 7**0.5, bias=r(11)), {})
    yield "silu", F.silu, dict(input=3 * r(3, 37)), {}
    yield "gelu", F.gelu, dict(input=3 * r(3, 37)), {}
    yield "quick_gelu", lambda input: input * torch.sigmoid(1.702 * input), dict(input=3 * r(3, 37)), {}

    def geglu(input):
        value, gate = input.chunk(2, dim=-1)
        return value * F.gelu(gate)

    yield "geglu", geglu, dict(input=2 * r(3, 5, 22)), {}

    def attention(heads, causal):
        def run(query, key, value):
            def split(x):
                return x.unflatten(-1, (heads, -1)).transpose(1, 2)

            output = F.scaled_dot_product_attention(split(query), split(key), split(value), is_causal=causal)
            return output.transpose(1, 2).flatten(2)

        return run

    for name, n, queries, keys, channels, heads, causal in [
        ("attention_self", 3, 35, 35, 12, 3, False),
        ("attention_cross", 2, 21, 9, 16, 2, False),
        ("attention_causal", 2, 13, 13, 20, 5, True),
        ("attention_short", 15, 5, 5, 24, 3, False),
        ("attention_one_token", 2, 1, 1, 8, 2, False),
    ]:
        yield (name, attention(heads, causal),
               dict(query=2 * r(n, queries, channels), key=2 * r(n, keys, channels), value=r(n, keys, channels)),
               {"heads": heads, "causal": causal})
    yield ("upsample_nearest", lambda input: F.interpolate(input, size=(5, 7), mode="nearest"),
           dict(input=r(2, 3, 3, 4)), {"size": [5, 7]})
    yield ("upsample_nearest_double", lambda input: F.interpolate(input, scale_factor=2.0, mode="nearest"),
           dict(input=r(2, 3, 3, 5)), {"size": [6, 10]})
    yield "mean_squared_error", F.mse_loss, dict(input=r(3, 17), target=r(3, 17)), {}


def make() -> None:
    random = generator(99)
    tensors, attributes = {}, {}
    for name, run, inputs, values in cases():
        leaves = {key: value.requires_grad_() for key, value in inputs.items()}
        output = run(*leaves.values())
        grad_output = torch.randn(output.shape, generator=random)
        (output * grad_output).sum().backward()
        for key, leaf in leaves.items():
            tensors[f"{name}/{key}"] = leaf
            # One token attends to itself whatever query and key are: their gradient is zero.
            if leaf.grad.abs().max() > 1e-6:
                tensors[f"{name}/grad_{key}"] = leaf.grad
        tensors[f"{name}/output"] = output
        tensors[f"{name}/grad_output"] = grad_output
        attributes[name] = values
    save_tensors("ops/ops.safetensors", tensors)
    save_json("ops/ops.json", attributes)
