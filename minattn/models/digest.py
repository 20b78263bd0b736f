"""A long context made into a few vectors that a frozen model reads in its place."""

from ..attention import Attention, Causal, MultiHead, Rotary
from ..autodiff import as_tensor, ops
from ..errors import ArgumentError, ShapeError
from ..nn import Module, Parameter, RMSNorm, SwiGLU, init
from ..nn.checks import check_sizes


class DigestLayer(Module):
    """One look of the digests at the context: attention, then a gated feed-forward block, both pre-norm."""

    def __init__(self, d_model, n_heads, d_ff, *, rng):
        heads = MultiHead(d_model, n_heads, rng=rng, bias=False)
        self.attention = Attention(heads, positions=[Rotary(d_model // n_heads)], masks=[Causal()])
        self.block = SwiGLU(d_model, d_ff, rng=rng)
        self.norms = [RMSNorm(d_model) for _ in range(3)]

    def forward(self, x, source):
        """x (B,k,d_model) asks the source (B,n+k,d_model), whose last k rows stand where x stands."""
        of_x, of_source, of_block = self.norms
        start = source.shape[1] - x.shape[1]
        x = x + self.attention(of_x(x), of_source(source), start=start)
        return x + self.block(of_block(x))


class DigestCompressor(Module):
    """k learned vectors, the digests, read n embedded tokens and become a prompt of k vectors.

        S = [context; digests]            the same at every layer, it is not updated
        x_0 = digests      x' = x + attention(norm(x), norm(S))      x = x' + swiglu(norm(x'))
        out = norm(x_T)

    Rotary places: the context stands at 0 .. n-1, the digests at n .. n+k-1; causal, so that a digest sees
    the whole context and the digests up to itself. No token of the context asks anything: the cost grows
    with n, not with n^2.

    n_digests   k
    n_layers    T
    d_ff        width of the gate
    Train it through a frozen model, which then reads [digests; question].
    Source: arXiv 2406.13618, section 3.

    >>> import numpy as np
    >>> compress = DigestCompressor(8, 2, n_digests=3, d_ff=16, rng=np.random.default_rng(0))
    >>> compress(np.zeros((5, 7, 8))).shape
    (5, 3, 8)
    """

    def __init__(self, d_model, n_heads, *, n_digests, n_layers=1, d_ff, rng):
        check_sizes("DigestCompressor", d_model=d_model, n_digests=n_digests, n_layers=n_layers, d_ff=d_ff)
        self.d_model, self.n_digests, self.d_ff = d_model, n_digests, d_ff
        self.digests = Parameter(init.normal(rng, (n_digests, d_model), 0.5))
        self.layers = [DigestLayer(d_model, n_heads, d_ff, rng=rng) for _ in range(n_layers)]
        self.norm = RMSNorm(d_model)

    def forward(self, context):
        """Embedded tokens (B,n,d_model) -> (B,k,d_model), for any n."""
        context = as_tensor(context)
        if context.ndim != 3 or context.shape[-1] != self.d_model:
            raise ShapeError(
                "DigestCompressor",
                expected=f"embedded tokens (B, n, {self.d_model})",
                got=context.shape,
                hint="model.embed(inputs)",
            )
        x = ops.broadcast_to(self.digests, (context.shape[0], *self.digests.shape))
        source = ops.concatenate([context, x], axis=1)
        for layer in self.layers:
            x = layer(x, source)
        return self.norm(x)

    def in_chunks(self, context, size):
        """Each chunk of `size` tokens compressed alone: (B, k * chunks, d_model)."""
        if size < 1:
            raise ArgumentError("in_chunks(size)", expected="size >= 1", got=size, hint="size=64")
        context = as_tensor(context)
        starts = range(0, context.shape[1], size)
        return ops.concatenate([self(context[:, s : s + size]) for s in starts], axis=1)

    def flops(self, length):
        """Multiply-adds to compress `length` tokens: of the maps, the visible pairs and the gates."""
        k, d = self.n_digests, self.d_model
        maps = 2 * k * d * d + 2 * (length + k) * d * d  # queries and outputs; keys and values
        pairs = 2 * d * (k * length + k * (k + 1) // 2)
        return len(self.layers) * (maps + pairs + 3 * k * d * self.d_ff)
