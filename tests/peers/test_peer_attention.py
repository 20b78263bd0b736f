"""Attention against PyTorch's, in values and gradients."""

import numpy as np
import pytest
import torch
from peer_torch import DTYPE, copy, equal, leaves, same, to_torch

from minattn import attention as A
from minattn import backends, nn
from minattn.autodiff import ops

pytestmark = pytest.mark.peers
B, T, S, H, D = 2, 5, 7, 4, 3
M = H * D
functional = torch.nn.functional


def maps_of(layer, read=lambda parameter: parameter):
    """What `read` gives of MultiheadAttention: weights of q, k, v, their biases, and out_proj."""
    if layer.in_proj_weight is not None:
        weights = read(layer.in_proj_weight).chunk(3)
    else:  # a context of another width
        weights = [read(getattr(layer, f"{name}_proj_weight")) for name in "qkv"]
    biases = read(layer.in_proj_bias).chunk(3)
    return [*weights, *biases, read(layer.out_proj.weight), read(layer.out_proj.bias)]


def maps_of_ours(projection):
    maps = (projection.w_q, projection.w_k, projection.w_v)
    weights, biases = [m.weight for m in maps], [m.bias for m in maps]
    return [*weights, *biases, projection.w_o.weight, projection.w_o.bias]


def same_gradients(projection, layer, bits):
    theirs = maps_of(layer, lambda parameter: parameter.grad)
    for i, (one, two) in enumerate(zip(maps_of_ours(projection), theirs, strict=True)):
        equal(one.grad, two, bits, f"gradient of parameter {i}")


def build(rng, bits, d_context=None, **slots):
    attention = A.multi_head(M, H, rng=rng, d_context=d_context, **slots)
    widths = {"kdim": d_context, "vdim": d_context}
    layer = torch.nn.MultiheadAttention(M, H, batch_first=True, **widths).to(DTYPE[bits])
    for parameter in attention.parameters():
        parameter.data = rng.normal(size=parameter.shape).astype(f"float{bits}") * 0.3
    copy(zip(maps_of_ours(attention.projection), maps_of(layer)))
    return attention, layer


VALID = np.arange(S) < np.array([[S], [4]])
CASES = {
    "self": {},
    "causal": {"masks": [A.Causal()]},
    "window": {"masks": [A.Window(2)]},
    "padded": {"valid": VALID[:, :T]},
    "cross": {"context": M},
    "cross, padded, other width": {"context": 11, "valid": VALID},
}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_multi_head_attention(rng, bits, case, traced):
    given = dict(CASES[case])
    width, valid, masks = given.get("context"), given.get("valid"), given.get("masks", [])
    attention, layer = build(rng, bits, width, masks=masks)
    inputs = [leaves(rng.normal(size=(B, T, M)), bits)]
    if width:
        inputs.append(leaves(rng.normal(size=(B, S, width)), bits))
    mine, yours = [a for a, _ in inputs], [b for _, b in inputs]
    t = attention.trace(*mine, valid=valid)
    forbidden = None if not masks else torch.tensor(~masks[0](t))
    padding = None if valid is None else torch.tensor(~valid)
    options = {"key_padding_mask": padding, "attn_mask": forbidden, "average_attn_weights": False}
    expected, weights = layer(yours[0], yours[-1], yours[-1], **options)
    equal(t.weights, weights, bits, "weights")
    out = t.out if traced else attention(*mine, valid=valid)
    same(out, expected, inputs, [], bits)
    same_gradients(attention.projection, layer, bits)


def qkv(rng, groups=H):
    return [rng.normal(size=(B, n, length, D)) for n, length in ((H, T), (groups, S), (groups, S))]


class Given(nn.Module):
    """A projection that hands out q, k and v as they are."""

    n_heads, d_head = H, D

    def __init__(self, q, k, v):
        self.given = q, k, v

    def forward(self, x, context):
        return self.given

    def merge(self, heads):
        return heads


ALIBI = A.ALiBi(H)
PLACES = np.abs(np.arange(T)[:, None] - np.arange(S))
SDPA = {
    "plain": ({}, {}),
    "causal": ({"masks": [A.Causal()]}, {"attn_mask": np.tri(T, S, dtype=bool)}),
    "window": ({"masks": [A.Window(3)]}, {"attn_mask": PLACES <= 3}),
    "unscaled": ({"score": A.Dot()}, {"scale": 1.0}),
    "alibi": ({"positions": [ALIBI]}, {"attn_mask": -np.array(ALIBI.slopes)[:, None, None] * PLACES}),
    "padded": ({"valid": VALID}, {"attn_mask": np.broadcast_to(VALID[:, None, None], (B, 1, T, S))}),
}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("groups", [H, 2, 1])
@pytest.mark.parametrize("case", SDPA)
def test_scaled_dot_product_attention(rng, bits, case, groups, traced):
    inputs = [leaves(part, bits) for part in qkv(rng, groups)]
    slots, options = map(dict, SDPA[case])
    valid = slots.pop("valid", None)
    if "attn_mask" in options:
        options["attn_mask"] = to_torch(options["attn_mask"], bits)
    attention = A.Attention(Given(*(a for a, _ in inputs)), **slots)
    given = np.ones((B, T, M)), np.ones((B, S, M))
    out = attention.trace(*given, valid=valid).out if traced else attention(*given, valid=valid)
    expected = functional.scaled_dot_product_attention(*(b for _, b in inputs), enable_gqa=True, **options)
    same(out, expected, inputs, [], bits)


FAR = np.arange(131) - np.arange(70)[:, None]  # key - query, beyond one tile of the kernels
RULES = {
    "causal": ((None, 61), FAR <= 61),
    "window": ((40, 9), (FAR >= -40) & (FAR <= 9)),
    "ahead": ((-3, None), FAR >= 3),
}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("groups", [6, 3, 1])
@pytest.mark.parametrize("rule", RULES)
def test_rules_and_groups_of_the_primitive(rng, bits, rule, groups, backend):
    window, table = RULES[rule]
    padding = rng.random((2, 1, 1, 131)) < 0.8
    radial = rng.normal(size=(6, 200))
    bias = np.where(table & padding, radial[:, 130 - FAR], -np.inf)
    shapes = [(2, 6, 70, 32), (2, groups, 131, 32), (2, groups, 131, 16)]
    inputs = [leaves(rng.normal(size=shape), bits) for shape in shapes]
    with backends.using(backend):
        out = ops.attention(*(a for a, _ in inputs), padding, window=window, radial=radial)
        expected = functional.scaled_dot_product_attention(
            *(b for _, b in inputs), attn_mask=to_torch(bias, bits), enable_gqa=True
        )
        same(out, expected, inputs, [], bits)


class EncoderLayer(nn.Module):
    """A transformer's encoder layer from the parts of the library."""

    def __init__(self, rng, norm_first, **slots):
        self.attention = A.multi_head(M, H, rng=rng, **slots)
        self.block = nn.FeedForward(M, 19, rng=rng)
        self.norm_1, self.norm_2, self.norm_first = nn.LayerNorm(M), nn.LayerNorm(M), norm_first

    def forward(self, x, valid=None):
        if self.norm_first:
            x = x + self.attention(self.norm_1(x), valid=valid)
            return x + self.block(self.norm_2(x))
        x = self.norm_1(x + self.attention(x, valid=valid))
        return self.norm_2(x + self.block(x))


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("causal, valid", [(False, None), (True, None), (False, VALID[:, :T])])
def test_transformer_encoder_layer(rng, bits, norm_first, causal, valid):
    ours = EncoderLayer(rng, norm_first, masks=[A.Causal()] if causal else [])
    theirs = torch.nn.TransformerEncoderLayer(
        M, H, 19, dropout=0.0, batch_first=True, norm_first=norm_first,
        activation=lambda x: functional.gelu(x, approximate="tanh"),
    ).to(DTYPE[bits])  # fmt: skip
    plain = [
        (ours.block.w_1.weight, theirs.linear1.weight), (ours.block.w_1.bias, theirs.linear1.bias),
        (ours.block.w_2.weight, theirs.linear2.weight), (ours.block.w_2.bias, theirs.linear2.bias),
        (ours.norm_1.gain, theirs.norm1.weight), (ours.norm_1.bias, theirs.norm1.bias),
        (ours.norm_2.gain, theirs.norm2.weight), (ours.norm_2.bias, theirs.norm2.bias),
    ]  # fmt: skip
    copy([*plain, *zip(maps_of_ours(ours.attention.projection), maps_of(theirs.self_attn))])
    mine, yours = leaves(rng.normal(size=(B, T, M)), bits)
    forbidden = torch.tensor(~np.tri(T, dtype=bool)) if causal else None
    padding = None if valid is None else torch.tensor(~valid)
    expected = theirs(yours, src_mask=forbidden, src_key_padding_mask=padding)
    same(ours(mine, valid=valid), expected, [(mine, yours)], plain, bits)
    same_gradients(ours.attention.projection, theirs.self_attn, bits)


def test_attention_layers_stacked_and_trained_take_the_same_path(rng, bits):
    attention, layer = build(rng, bits, masks=[A.Causal()])
    forbidden = torch.tensor(~np.tri(T, dtype=bool))
    mine, theirs = nn.optim.SGD(attention.parameters(), lr=0.05), torch.optim.SGD(layer.parameters(), lr=0.05)
    for _ in range(5):
        x = rng.normal(size=(B, T, M))
        y = to_torch(x, bits)
        loss = (attention(attention(x)) ** 2).mean()
        once, _ = layer(y, y, y, attn_mask=forbidden)
        twice, _ = layer(once, once, once, attn_mask=forbidden)
        their_loss = (twice**2).mean()
        equal(loss, their_loss, bits)
        for optimiser, value in ((mine, loss), (theirs, their_loss)):
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
    for one, two in zip(maps_of_ours(attention.projection), maps_of(layer), strict=True):
        equal(one, two, bits)
