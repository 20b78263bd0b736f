"""minattn's GPT in PyTorch: the same numbers from the same weights.

Rotary positions on neighbouring pairs, RMSNorm with 1e-6, GELU in its tanh form, embeddings times
sqrt(d_model), one table in and out, biases in all projections. Queries, keys and values come from one
product. A pair of coordinates is turned as one complex number, which took a quarter of the time, except
where torch.compile is used, which can fuse real numbers only.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, size, kept):
        super().__init__()
        self.heads, width = size["H"], size["d_model"]
        self.norm_1, self.norm_2 = (nn.RMSNorm(width, eps=1e-6) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        maps = [kept(f"attention.projection.{name}") for name in ("w_q", "w_k", "w_v")]
        self.qkv.load_state_dict({part: torch.cat([m[part] for m in maps]) for part in ("weight", "bias")})
        self.out.load_state_dict(kept("attention.projection.w_o"))
        self.wide.load_state_dict(kept("feed_forward.w_1"))
        self.narrow.load_state_dict(kept("feed_forward.w_2"))
        for norm, name in ((self.norm_1, "norm_1"), (self.norm_2, "norm_2")):
            norm.load_state_dict({"weight": kept(name)["gain"]})

    def forward(self, x, turns, attend):
        """x (B,T,d_model); turns as in `turned`; attend(q, k, v) -> heads (B,H,T,d)."""
        b, t, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(b, t, 3, self.heads, -1).unbind(2)
        q, k = turned(q, turns), turned(k, turns)
        heads = attend(*(a.transpose(1, 2) for a in (q, k, v)))
        x = x + self.out(heads.transpose(1, 2).reshape(b, t, width))
        return x + self.narrow(F.gelu(self.wide(self.norm_2(x)), approximate="tanh"))


def turned(x, turns):
    """x (B,T,H,d), its pairs of neighbours times complex numbers (T,d/2), or their two parts (T,d/2,2)."""
    pairs = x.float().unflatten(-1, (-1, 2))
    if turns.is_complex():
        out = torch.view_as_real(torch.view_as_complex(pairs) * turns[:, None])
    else:
        (even, odd), (cos, sin) = pairs.unbind(-1), turns[:, None].unbind(-1)
        out = torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1)
    return out.flatten(-2).to(x.dtype)


class GPT(nn.Module):
    """The decoder alone; size and weights as minattn.models.gpt has them.

    real   keep the turns of rotary positions as pairs of real numbers
    """

    def __init__(self, size, weights, real=False):
        super().__init__()
        self.size, d = size, size["d_model"] // size["H"]
        self.table = nn.Parameter(torch.from_numpy(weights["embed.weight"]))
        self.blocks = nn.ModuleList(Block(size, part(weights, f"blocks.{i}.")) for i in range(size["L"]))
        self.norm = nn.RMSNorm(size["d_model"], eps=1e-6)
        self.norm.load_state_dict({"weight": torch.from_numpy(weights["norm.gain"])})
        places = torch.arange(size["T"])
        angles = places[:, None] * 10000.0 ** (-torch.arange(0, d, 2).double() / d)
        turns = torch.polar(torch.ones_like(angles), angles).to(torch.complex64)
        self.register_buffer("turns", torch.view_as_real(turns) if real else turns)
        self.register_buffer("places", places)

    def embed(self, ids):
        """Rows of the table, times sqrt(d_model)."""
        return F.embedding(ids, self.table) * math.sqrt(self.size["d_model"])

    def loss(self, ids):
        """Mean cross entropy of ids[:, 1:] after ids[:, :-1]."""
        x = self.embed(ids[:, :-1])
        for block in self.blocks:
            x = block(x, self.turns[: x.shape[1]], causal)
        logits = F.linear(self.norm(x), self.table)
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    def empty_cache(self):
        """Zeros for the keys and values (L,2,1,H,T,d)."""
        size = self.size
        shape = (size["L"], 2, 1, size["H"], size["T"], size["d_model"] // size["H"])
        return torch.zeros(shape, device=self.table.device)

    def next_token(self, token, at, cache):
        """Log-probabilities (1,V) after one more token (1,) at the place `at`, a tensor (1,)."""
        x, turns = self.embed(token)[:, None], self.turns.index_select(0, at)
        seen = (self.places <= at)[None, None, None]
        for block, (keys, values) in zip(self.blocks, cache):

            def attend(q, k, v, keys=keys, values=values):
                keys.index_copy_(2, at, k)
                values.index_copy_(2, at, v)
                return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen)

            x = block(x, turns, attend)
        return F.log_softmax(F.linear(self.norm(x[:, 0]), self.table), -1)


def causal(q, k, v):
    """Its fused attention."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def part(weights, prefix):
    """A function that gives the tensors below prefix + name, by their last names."""

    def below(name):
        start = f"{prefix}{name}."
        return {k.removeprefix(start): torch.from_numpy(a) for k, a in weights.items() if k.startswith(start)}

    return below
