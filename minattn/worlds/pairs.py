"""Keys with their values behind them, then the keys alone: recall that takes two steps.

    inputs    k5 v3 k2 v7 k9 v1   k2 k9 k5
    targets    .  .  .  .  .  .    7  1  3

Unlike in `facts`, a key and its value are two tokens, so that one layer has to tie each value to the token
before it, and another one to look it up.
"""

import numpy as np

from minattn.worlds import _check


def pairs(rng, batch, *, n_pairs=16, n_keys=32, n_values=16):
    """Multi-query associative recall, a token for each key and each value.

    n_pairs   distinct keys, each with a value drawn independently; all are asked for, in random order
    n_keys    keys are tokens 0 .. n_keys-1
    n_values  values are tokens n_keys .. n_keys+n_values-1, and 0 .. n_values-1 as targets
    Returns inputs (B, L, 1) with L = 3 n_pairs, targets (B, L), attend (B, L), the place that holds the
    answer, and asked (B, L) boolean: where it is False, targets are 0 and attend is -1.
    Source: arXiv 2312.04927, MQAR.
    """
    _check.generator("pairs", rng)
    _check.count("pairs", "batch", batch)
    _check.count("pairs", "n_pairs", n_pairs)
    _check.count("pairs", "n_keys", n_keys, n_pairs)
    _check.count("pairs", "n_values", n_values)
    keys = np.argsort(rng.random((batch, n_keys)), axis=1)[:, :n_pairs]
    values = rng.integers(n_values, size=keys.shape)
    order = np.argsort(rng.random(keys.shape), axis=1)
    told = np.stack([keys, n_keys + values], axis=2).reshape(batch, 2 * n_pairs)
    inputs = np.concatenate([told, np.take_along_axis(keys, order, axis=1)], axis=1)
    before = np.zeros_like(told)
    return dict(
        inputs=inputs[:, :, None],
        targets=np.concatenate([before, np.take_along_axis(values, order, axis=1)], axis=1),
        attend=np.concatenate([before - 1, 2 * order + 1], axis=1),
        asked=np.broadcast_to(np.arange(3 * n_pairs) >= 2 * n_pairs, inputs.shape),
    )
