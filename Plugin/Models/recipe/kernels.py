"""Triton kernels for what torch does slowly at this model's shapes: norms over narrow channels, attention over sixteen
tokens, gated products. Activations are channels last and contiguous; arithmetic is float32 whatever they are stored in."""
import os

import torch
import triton
import triton.language as tl

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
CHUNK = 256  # rows of one program


def serves(x):
    return (x.is_cuda or INTERPRETED) and os.environ.get("RECIPE_KERNELS") != "0"


def block(channels):
    width = triton.next_power_of_2(channels)
    return {"BC": width, "BL": max(8, min(64, 4096 // width))}


# GroupNorm with SiLU or without: x (N, L, C), groups of C / groups channels.

@triton.jit
def _activated_gradient(x, d, scale, shift):
    z = x * scale + shift
    g = tl.sigmoid(z)
    return d * g * (1 + z * (1 - g))


@triton.jit
def _pair(at, C, inside):
    """Two neighbouring rows of C channels, as (1, C) each."""
    return tl.load(at, mask=inside, other=0.0)[None, :], tl.load(at + C, mask=inside, other=0.0)[None, :]


@triton.jit
def _cells(n, rows, c, L, C, inside):
    """Where rows of sample n lie, as (rows, channels), and which of them there are."""
    return (n * L + rows)[:, None] * C + c[None, :], (rows < L)[:, None] & inside[None, :]


@triton.jit
def _gradient(d_ptr, offset, mask, x, scale, shift, ACTIVATE: tl.constexpr):
    """The gradient before the activation."""
    d = tl.load(d_ptr + offset, mask=mask, other=0.0).to(tl.float32)
    if ACTIVATE:
        d = _activated_gradient(x, d, scale, shift)
    return d


@triton.jit
def _sums(x_ptr, d_ptr, stats_ptr, out_ptr, L, C, CHUNK: tl.constexpr, BACKWARD: tl.constexpr, ACTIVATE: tl.constexpr,
          BL: tl.constexpr, BC: tl.constexpr):
    """Per channel of one chunk: sums of x and x², or of the gradient and the gradient · normalised x."""
    n, s = tl.program_id(0).to(tl.int64), tl.program_id(1)
    c = tl.arange(0, BC)
    inside = c < C
    first, second = tl.zeros([BC], tl.float32), tl.zeros([BC], tl.float32)
    if BACKWARD:
        scale, shift = _pair(stats_ptr + n * 4 * C + c, C, inside)
        mean, rstd = _pair(stats_ptr + (n * 4 + 2) * C + c, C, inside)
    for start in range(0, CHUNK, BL):
        rows = s * CHUNK + start + tl.arange(0, BL)
        offset, mask = _cells(n, rows, c, L, C, inside)
        x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
        if BACKWARD:
            d = _gradient(d_ptr, offset, mask, x, scale, shift, ACTIVATE)
            first += tl.sum(d, 0)
            second += tl.sum(d * (x - mean) * rstd, 0)
        else:
            first += tl.sum(x, 0)
            second += tl.sum(x * x, 0)
    out = out_ptr + (n * tl.num_programs(1) + s) * 2 * C + c
    tl.store(out, first, mask=inside)
    tl.store(out + C, second, mask=inside)


@triton.jit
def _group_sum(v, c, WIDTH: tl.constexpr):
    same = (c[:, None] // WIDTH) == (c[None, :] // WIDTH)
    return tl.sum(tl.where(same, v[None, :], 0.0), 1)


@triton.jit
def _finish(partial_ptr, w_ptr, b_ptr, stats_ptr, total_ptr, C, count, eps, splits: tl.constexpr, WIDTH: tl.constexpr,
            BACKWARD: tl.constexpr, BC: tl.constexpr):
    """Forward: stats (N, 4, C) = scale, shift, mean, 1/deviation. Backward: total (N, 4, C) = both sums and p, q of the
    gradient scale · d + p · x + q."""
    n = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BC)
    inside = c < C
    first, second = tl.zeros([BC], tl.float32), tl.zeros([BC], tl.float32)
    for s in range(0, splits):
        at = partial_ptr + (n * splits + s) * 2 * C + c
        first += tl.load(at, mask=inside, other=0.0)
        second += tl.load(at + C, mask=inside, other=0.0)
    w = tl.load(w_ptr + c, mask=inside, other=0.0).to(tl.float32)
    stats = stats_ptr + n * 4 * C + c
    if BACKWARD:
        mean, rstd = tl.load(stats + 2 * C, mask=inside, other=0.0), tl.load(stats + 3 * C, mask=inside, other=0.0)
        a, b = _group_sum(w * first, c, WIDTH) / count, _group_sum(w * second, c, WIDTH) / count
        total = total_ptr + n * 4 * C + c
        tl.store(total, first, mask=inside)
        tl.store(total + C, second, mask=inside)
        tl.store(total + 2 * C, -rstd * rstd * b, mask=inside)
        tl.store(total + 3 * C, mean * rstd * rstd * b - rstd * a, mask=inside)
    else:
        mean = _group_sum(first, c, WIDTH) / count
        variance = _group_sum(second, c, WIDTH) / count - mean * mean
        rstd = tl.rsqrt(tl.maximum(variance, 0.0) + eps)
        bias = tl.load(b_ptr + c, mask=inside, other=0.0).to(tl.float32)
        tl.store(stats, rstd * w, mask=inside)
        tl.store(stats + C, bias - mean * rstd * w, mask=inside)
        tl.store(stats + 2 * C, mean, mask=inside)
        tl.store(stats + 3 * C, rstd, mask=inside)


@triton.jit
def _apply(x_ptr, d_ptr, stats_ptr, total_ptr, y_ptr, L, C, CHUNK: tl.constexpr, BACKWARD: tl.constexpr,
           ACTIVATE: tl.constexpr, BL: tl.constexpr, BC: tl.constexpr):
    n, s = tl.program_id(0).to(tl.int64), tl.program_id(1)
    c = tl.arange(0, BC)
    inside = c < C
    scale, shift = _pair(stats_ptr + n * 4 * C + c, C, inside)
    if BACKWARD:
        p, q = _pair(total_ptr + (n * 4 + 2) * C + c, C, inside)
    for start in range(0, CHUNK, BL):
        rows = s * CHUNK + start + tl.arange(0, BL)
        offset, mask = _cells(n, rows, c, L, C, inside)
        x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
        if BACKWARD:
            d = _gradient(d_ptr, offset, mask, x, scale, shift, ACTIVATE)
            y = scale * d + p * x + q
        else:
            y = x * scale + shift
            if ACTIVATE:
                y = y * tl.sigmoid(y)
        tl.store(y_ptr + offset, y.to(y_ptr.dtype.element_ty), mask=mask)


class GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, groups, eps, activate):
        x = x.contiguous()
        n, l, c = x.shape
        splits, size = triton.cdiv(l, CHUNK), block(c)
        partial = torch.empty(n, splits, 2, c, device=x.device)
        stats, y = torch.empty(n, 4, c, device=x.device), torch.empty_like(x)
        _sums[(n, splits)](x, x, stats, partial, l, c, CHUNK, False, activate, **size)
        count = l * (c // groups)
        _finish[(n,)](partial, weight, bias, stats, stats, c, count, eps, splits, c // groups, False, BC=size["BC"], num_warps=8)
        _apply[(n, splits)](x, x, stats, stats, y, l, c, CHUNK, False, activate, **size)
        ctx.save_for_backward(x, weight, bias, stats)
        ctx.settings = groups, eps, activate
        return y

    @staticmethod
    def backward(ctx, d):
        x, weight, bias, stats = ctx.saved_tensors
        groups, eps, activate = ctx.settings
        d, (n, l, c) = d.contiguous(), x.shape
        splits, size = triton.cdiv(l, CHUNK), block(c)
        partial = torch.empty(n, splits, 2, c, device=x.device)
        total, dx = torch.empty(n, 4, c, device=x.device), torch.empty_like(x)
        _sums[(n, splits)](x, d, stats, partial, l, c, CHUNK, True, activate, **size)
        count = l * (c // groups)
        _finish[(n,)](partial, weight, bias, stats, total, c, count, eps, splits, c // groups, True, BC=size["BC"], num_warps=8)
        _apply[(n, splits)](x, d, stats, total, dx, l, c, CHUNK, True, activate, **size)
        sums = total[:, :2].sum(0)
        return dx, sums[1].to(weight.dtype), sums[0].to(bias.dtype), None, None, None


# LayerNorm: x (rows, C).

@triton.jit
def _normalised(x, inside, C, eps):
    mean = tl.sum(x, 1) / C
    centred = tl.where(inside[None, :], x - mean[:, None], 0.0)
    rstd = tl.rsqrt(tl.sum(centred * centred, 1) / C + eps)
    return centred * rstd[:, None], rstd


@triton.jit
def _layer_norm(x_ptr, w_ptr, b_ptr, y_ptr, N, C, eps, BL: tl.constexpr, BC: tl.constexpr):
    rows, c = tl.program_id(0).to(tl.int64) * BL + tl.arange(0, BL), tl.arange(0, BC)
    inside = c < C
    mask, offset = (rows < N)[:, None] & inside[None, :], rows[:, None] * C + c[None, :]
    x, _ = _normalised(tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32), inside, C, eps)
    w, b = tl.load(w_ptr + c, mask=inside, other=0.0).to(tl.float32), tl.load(b_ptr + c, mask=inside, other=0.0).to(tl.float32)
    tl.store(y_ptr + offset, (x * w[None, :] + b[None, :]).to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _layer_norm_gradient(x_ptr, d_ptr, w_ptr, dx_ptr, partial_ptr, N, C, eps, rounds: tl.constexpr, BL: tl.constexpr, BC: tl.constexpr):
    c = tl.arange(0, BC)
    inside = c < C
    w = tl.load(w_ptr + c, mask=inside, other=0.0).to(tl.float32)[None, :]
    first, second = tl.zeros([BC], tl.float32), tl.zeros([BC], tl.float32)
    for i in range(0, rounds):
        rows = (tl.program_id(0).to(tl.int64) * rounds + i) * BL + tl.arange(0, BL)
        mask, offset = (rows < N)[:, None] & inside[None, :], rows[:, None] * C + c[None, :]
        x, rstd = _normalised(tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32), inside, C, eps)
        d = tl.load(d_ptr + offset, mask=mask, other=0.0).to(tl.float32)
        first += tl.sum(d, 0)
        second += tl.sum(d * x, 0)
        d = d * w
        dx = (d - (tl.sum(d, 1) / C)[:, None] - x * (tl.sum(d * x, 1) / C)[:, None]) * rstd[:, None]
        tl.store(dx_ptr + offset, dx.to(dx_ptr.dtype.element_ty), mask=mask)
    out = partial_ptr + tl.program_id(0) * 2 * C + c
    tl.store(out, first, mask=inside)
    tl.store(out + C, second, mask=inside)


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        x = x.contiguous()
        c, y = x.shape[-1], torch.empty_like(x)
        rows, size = x.numel() // c, block(c)
        _layer_norm[(triton.cdiv(rows, size["BL"]),)](x, weight, bias, y, rows, c, eps, **size)
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx, d):
        (x, weight), d = ctx.saved_tensors, d.contiguous()
        c, dx = x.shape[-1], torch.empty_like(x)
        rows, size = x.numel() // c, block(c)
        tiles = triton.cdiv(rows, size["BL"])
        rounds = triton.cdiv(tiles, 1024)
        programs = triton.cdiv(tiles, rounds)
        partial = torch.empty(programs, 2, c, device=x.device)
        _layer_norm_gradient[(programs,)](x, d, weight, dx, partial, rows, c, ctx.eps, rounds, **size)
        sums = partial.sum(0)
        return dx, sums[1].to(weight.dtype), sums[0].to(weight.dtype), None


# a · gelu(g) of x = (a, g): (rows, 2 I) -> (rows, I)

@triton.jit
def _gated(x_ptr, d_ptr, y_ptr, total, I, BACKWARD: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < total
    wide = at // I * 2 * I + at % I
    a, g = tl.load(x_ptr + wide, mask=mask, other=0.0).to(tl.float32), tl.load(x_ptr + wide + I, mask=mask, other=0.0).to(tl.float32)
    cumulative = 0.5 * (1 + tl.erf(g * 0.7071067811865476))
    if BACKWARD:
        d = tl.load(d_ptr + at, mask=mask, other=0.0).to(tl.float32)
        slope = cumulative + g * 0.3989422804014327 * tl.exp(-0.5 * g * g)
        tl.store(y_ptr + wide, (d * g * cumulative).to(y_ptr.dtype.element_ty), mask=mask)
        tl.store(y_ptr + wide + I, (d * a * slope).to(y_ptr.dtype.element_ty), mask=mask)
    else:
        tl.store(y_ptr + at, (a * g * cumulative).to(y_ptr.dtype.element_ty), mask=mask)


class Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        y = torch.empty(*x.shape[:-1], x.shape[-1] // 2, device=x.device, dtype=x.dtype)
        _gated[(triton.cdiv(y.numel(), 1024),)](x, x, y, y.numel(), y.shape[-1], False, 1024)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, d):
        (x,), d = ctx.saved_tensors, d.contiguous()
        dx = torch.empty_like(x)
        _gated[(triton.cdiv(d.numel(), 1024),)](x, d, dx, d.numel(), d.shape[-1], True, 1024)
        return dx


# Attention of every cell over its own sixteen frames: q, k, v (B, 16, P, C), heads of sixteen channels.

@triton.jit
def _attend(q_ptr, k_ptr, v_ptr, o_ptr, P, C, scale, D: tl.constexpr):
    cell, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    d = tl.arange(0, D)
    offset = ((cell // P * D + d) * P + cell % P)[:, None] * C + head * D + d[None, :]
    q, k, v = tl.load(q_ptr + offset), tl.load(k_ptr + offset), tl.load(v_ptr + offset)
    s = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
    e = tl.exp(s - tl.max(s, 1)[:, None])
    p = e / tl.sum(e, 1)[:, None]
    o = tl.dot(p.to(v.dtype), v, input_precision="ieee")
    tl.store(o_ptr + offset, o.to(o_ptr.dtype.element_ty))


@triton.jit
def _attend_gradient(q_ptr, k_ptr, v_ptr, d_ptr, dq_ptr, dk_ptr, dv_ptr, P, C, scale, D: tl.constexpr):
    cell, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    i = tl.arange(0, D)
    offset = ((cell // P * D + i) * P + cell % P)[:, None] * C + head * D + i[None, :]
    q, k, v, d = tl.load(q_ptr + offset), tl.load(k_ptr + offset), tl.load(v_ptr + offset), tl.load(d_ptr + offset)
    s = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
    e = tl.exp(s - tl.max(s, 1)[:, None])
    p = e / tl.sum(e, 1)[:, None]
    dp = tl.dot(d, tl.trans(v), input_precision="ieee")
    ds = (p * (dp - tl.sum(dp * p, 1)[:, None]) * scale).to(q.dtype)
    kind = dq_ptr.dtype.element_ty
    tl.store(dq_ptr + offset, tl.dot(ds, k, input_precision="ieee").to(kind))
    tl.store(dk_ptr + offset, tl.dot(tl.trans(ds), q, input_precision="ieee").to(kind))
    tl.store(dv_ptr + offset, tl.dot(tl.trans(p.to(q.dtype)), d, input_precision="ieee").to(kind))


class Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v):
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        b, f, p, c = q.shape
        o = torch.empty_like(q)
        _attend[(b * p, c // 16)](q, k, v, o, p, c, 0.25, 16, num_warps=1)
        ctx.save_for_backward(q, k, v)
        return o

    @staticmethod
    def backward(ctx, d):
        (q, k, v), d = ctx.saved_tensors, d.contiguous()
        b, f, p, c = q.shape
        dq, dk, dv = (torch.empty_like(q) for _ in range(3))
        _attend_gradient[(b * p, c // 16)](q, k, v, d, dq, dk, dv, p, c, 0.25, 16, num_warps=1)
        return dq, dk, dv
