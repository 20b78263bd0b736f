"""A context compressed by the frozen model itself, with small updates of its own maps."""

from ..attention import Attention
from ..attention.projections.multi_head import split_heads
from ..autodiff import as_tensor, ops
from ..nn import Linear, Module, Parameter, RMSNorm, init
from ..nn.checks import check_sizes


class LowRank(Module):
    """A frozen MultiHead whose q, k and v are moved by x A B, with A (d_model, rank); B starts at 0.

    Source: arXiv 2106.09685, equation 3.
    """

    def __init__(self, d_model, rank, *, rng):
        self.down = [Linear(d_model, rank, rng=rng, bias=False) for _ in range(3)]
        self.up = [Linear(rank, d_model, rng=rng, bias=False) for _ in range(3)]
        for layer in self.up:
            layer.weight.data[:] = 0

    def beside(self, frozen):
        """The projection `frozen` with these updates, for the anatomy page."""
        return _Updated(frozen, self)


class _Updated(Module):
    def __init__(self, frozen, update):
        self.n_heads, self.n_kv_heads, self.d_head = frozen.n_heads, frozen.n_kv_heads, frozen.d_head
        self.d_model, self.frozen, self.update = frozen.d_model, frozen, update

    def forward(self, x, context):
        sources, maps = (x, context, context), (self.frozen.w_q, self.frozen.w_k, self.frozen.w_v)
        pairs = zip(sources, maps, self.update.down, self.update.up)
        return [split_heads(w(source) + up(down(source)), self.n_heads) for source, w, down, up in pairs]

    def merge(self, heads):
        return self.frozen.merge(heads)


class OwnLayersCompressor(Module):
    """The layers of a frozen TinyTransformer, with low-rank updates, read [context; k learned memory tokens].

    What the memory tokens have become, behind a norm, is the prompt (B,k,d_model): the compressor of an
    in-context autoencoder. Every token of the context asks, so that the cost grows with n^2.

    n_layers   layers of the frozen model
    n_memory   k
    rank       of the updates of q, k and v
    Source: arXiv 2307.06945, section 2. Ours: a norm at the end.
    """

    def __init__(self, d_model, n_layers, *, n_memory, rank, rng):
        check_sizes("OwnLayersCompressor", d_model=d_model, n_layers=n_layers, n_memory=n_memory, rank=rank)
        self.d_model, self.rank, self.norm = d_model, rank, RMSNorm(d_model)
        self.memory = Parameter(init.normal(rng, (n_memory, d_model), 0.5))
        self.updates = [LowRank(d_model, rank, rng=rng) for _ in range(n_layers)]

    def forward(self, context, frozen):
        """Embedded tokens (B,n,d_model) and the frozen model -> (B,k,d_model)."""
        context = as_tensor(context)
        memory = ops.broadcast_to(self.memory, (context.shape[0], *self.memory.shape))
        x, norms = ops.concatenate([context, memory], axis=1), iter(frozen.norms)
        for mixer, block, update in zip(frozen.mixers, frozen.blocks, self.updates, strict=True):
            own = mixer.attention
            changed = update.beside(own.projection)
            x = x + Attention(changed, positions=own.positions, masks=own.masks)(next(norms)(x))
            x = x + block(next(norms)(x))
        return self.norm(x[:, -len(self.memory) :])

    def flops(self, length, d_ff):
        """Multiply-adds to compress `length` tokens with feed-forward blocks of width d_ff."""
        d, m = self.d_model, length + len(self.memory)
        maps = m * (4 * d * d + 6 * d * self.rank + 2 * d * d_ff)
        return len(self.updates) * (maps + d * m * (m + 1))  # pairs (i, j <= i), scores and values
