"""Samples for the CUDA kernels, beside the primitives' own: the tails of warps, blocks and tiles."""

import numpy as np

from minattn.autodiff.primitive import call

CONSTANT = {("attention", 4), ("attention", 5)}  # bias and radial: numbers without gradient
ATTENTION_KINDS = (
    None,
    *["causal", "window", "keys", "queries", "nobody", "one", "band", "radial", "far", "all"],
)


def attention_case(seed, sizes, kind=None, group=1):
    """A call of attention with sizes (B, Hk, T, S, d, dv); `kind` says which mask, band and biases.

    group   query heads for each of the Hk heads of keys
    """
    rng, (B, Hk, T, S, d, dv) = np.random.default_rng(seed), sizes
    H = Hk * group
    q = rng.normal(size=(B, H, T, d))
    k, v = rng.normal(size=(B, Hk, S, d)), rng.normal(size=(B, Hk, S, dv))
    mask = bias = radial = band = None
    if kind == "causal":
        mask = np.arange(S) <= np.arange(T)[:, None] + S - T
    elif kind == "window":
        away = np.arange(S) - np.arange(T)[:, None]
        mask = (away <= 0) & (away > -5)
    elif kind == "keys":
        mask, bias = rng.random((B, 1, 1, S)) < 0.6, rng.normal(size=(H, T, S))
    elif kind == "queries":
        mask, bias = rng.random((1, H, T, 1)) < 0.6, rng.normal(size=(B, 1, 1, S))
    elif kind == "nobody":
        mask = np.zeros((T, S), bool)
    elif kind == "one":
        mask, bias = rng.random((B, H, T, S)) < 0.1, np.array(0.7)
    elif kind == "band":
        band = (-7, 0)
    elif kind == "far":  # no key for most queries
        band = (S - 3, S)
    elif kind == "radial":
        radial = rng.normal(size=(H, T + S - 1))
    elif kind == "all":
        mask, bias = rng.random((B, 1, 1, S)) < 0.7, rng.normal(size=(1, T, 1))
        radial, band = rng.normal(size=(1, T + S - 1)), (-33, 2)
    return call(q, k, v, mask, bias, radial, band=band, scale=d**-0.5)


def more_samples(name, rng):
    """Sizes that are no multiple of a warp, a block or a tile; empty rows; numbers far from 0."""
    normal = rng.normal
    if name == "attention":
        yield attention_case(0, (1, 1, 1, 1, 1, 1))
        yield attention_case(1, (1, 2, 1, 71, 8, 5), "keys")
        yield attention_case(2, (2, 1, 37, 67, 33, 65), "causal")
        yield attention_case(3, (1, 3, 67, 67, 16, 16), "window")
        yield attention_case(4, (2, 3, 17, 41, 31, 3), "queries")
        yield attention_case(5, (1, 2, 9, 33, 128, 97), "one")
        yield attention_case(6, (1, 1, 33, 32, 4, 32), "nobody")
        yield attention_case(7, (1, 2, 65, 1, 64, 64), "causal")
        yield attention_case(8, (2, 1, 67, 71, 16, 9), "band", group=3)
        yield attention_case(9, (1, 2, 37, 41, 33, 5), "radial", group=2)
        yield attention_case(10, (1, 1, 41, 37, 8, 65), "far")
        yield attention_case(11, (2, 2, 101, 99, 7, 8), "all", group=2)
    elif name == "softmax":
        mask = rng.random((5, 1, 67)) < 0.5
        mask[2] = False
        yield call(normal(size=(1, 1)))
        yield call(normal(size=(3, 5, 3, 67)), mask)
        yield call(normal(size=(5, 3, 331)) * 1e3, rng.random((3, 1)) < 0.5)
        yield call(np.where(rng.random((7, 33)) < 0.5, -np.inf, 1e-30), rng.random(33) < 0.5)
        yield call(np.full((2, 3), -np.inf))
        yield call(normal(size=(2, 3)), np.array(True))
    elif name in ("layer_norm", "rms_norm"):
        for shape in ((1, 1), (523, 37), (5, 3, 32), (2, 331)):
            weights = [normal(size=shape[-1]) for _ in range(2 if name == "layer_norm" else 1)]
            yield call(normal(size=shape) + (shape[0] > 2), *weights)
        yield call(np.zeros((3, 7)), *[np.ones(7)] * len(weights), eps=1e-3)
    elif name == "cross_entropy":
        for rows, n in ((1, 1), (1, 331), (67, 33), (9, 32)):
            counted = rng.random(rows) < 0.8
            yield call(normal(size=(rows, n)) * 9, rng.integers(0, n, rows), counted, smoothing=0.2)
    elif name == "rotary":
        yield call(normal(size=(2, 3, 37, 8)), *normal(size=(2, 37, 4)))
        yield call(normal(size=(1, 2)), *normal(size=(2, 1, 1)))
        yield call(normal(size=(3, 11, 5, 6)).swapaxes(1, 2), *normal(size=(2, 11, 3)))
    elif name == "swiglu":
        yield call(normal(size=(3, 257)) * 9, normal(size=(3, 257)))
        yield call(np.array([1e3, -1e3, 0.0]), np.array([2.0, 3.0, 5.0]))
    elif name in ("gelu", "silu"):
        yield call(np.array([[0.0, -0.0, 1e-30, -30.0, 30.0, 1e4, -1e4]]))
        yield call(normal(size=(3, 257)))
    elif name == "embedding":
        yield call(normal(size=(3, 67)), rng.integers(0, 3, size=(7, 11)))
        yield call(normal(size=(331, 1)), rng.integers(0, 331, size=257, dtype=np.int32))
    elif name == "dropout":
        yield call(normal(size=(7, 331)), np.array([2**31, 5]), rate=0.9)
        yield call(normal(size=2), np.array([1, 2]), rate=0.1)
    elif name in ("rnn", "gru", "lstm"):
        yield scan_case(rng, name, (5, 7, 3, 67))
        yield scan_case(rng, name, (1, 1, 1, 1))
        yield scan_case(rng, name, (3, 11, 5, 13), valid=rng.random((3, 11)) < 0.6, reverse=True)
    if name == "rnn":
        yield scan_case(rng, name, (3, 5, 2, 7), valid=rng.random((3, 5)) < 0.6, activation="relu")


def scan_case(rng, name, sizes, valid=None, **static):
    """A call of a recurrent scan with sizes (B, T, n_in, H); large numbers saturate its gates."""
    (B, T, n, H), gates, states = sizes, *{"rnn": (1, 1), "gru": (3, 1), "lstm": (4, 2)}[name]
    weights = [rng.normal(size=shape) for shape in ((gates * H, n), (gates * H, H), gates * H, gates * H)]
    weights[1] /= np.sqrt(H)
    return call(rng.normal(size=(B, T, n)), *weights, *rng.normal(size=(states, B, H)), valid, **static)
