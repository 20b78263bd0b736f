import math

import numpy as np
import pytest

from minattn import attention as A
from minattn import precision

B, T, S, H, D = 2, 5, 11, 3, 4


def both(rng, max_distance):
    relative = A.Relative(D, max_distance, rng=rng)
    attention = A.multi_head(H * D, H, rng=rng, positions=[relative])
    return relative, attention, A.Attention(attention.projection)


def test_zero_tables_are_no_positions(rng):
    relative, attention, plain = both(rng, 3)
    relative.keys.data[:] = relative.values.data[:] = 0
    x, context = rng.normal(size=(B, T, H * D)), rng.normal(size=(B, S, H * D))
    np.testing.assert_allclose(attention(x, context).numpy(), plain(x, context).numpy(), atol=1e-6)


@pytest.mark.parametrize("max_distance", [0, 2, 50])
@pytest.mark.parametrize("start", [0, 3])
def test_triple_loop_over_keys_and_values(rng, max_distance, start):
    with precision(64):
        relative, attention, plain = both(rng, max_distance)
        x, context = rng.normal(size=(B, T, H * D)), rng.normal(size=(B, S, H * D))
        t, without = attention.trace(x, context, start=start), plain.trace(x, context, start=start)
    scores, heads = without.scores.numpy().copy(), np.zeros((B, H, T, D))
    q, v, weights = t.q.numpy(), t.v.numpy(), t.weights.numpy()
    for i, j in np.ndindex(T, S):
        row = min(max(j - (i + start), -max_distance), max_distance) + max_distance
        scores[:, :, i, j] += q[:, :, i] @ relative.keys.data[row] / math.sqrt(D)
        heads[:, :, i] += weights[:, :, i, j, None] * (v[:, :, j] + relative.values.data[row])
    np.testing.assert_allclose(t.scores.numpy(), scores, atol=1e-12)
    np.testing.assert_allclose(t.heads.numpy(), heads, atol=1e-12)


def test_distances_beyond_the_longest_share_a_vector(rng):
    relative, attention, _ = both(rng, 2)
    relative.keys.data[:], relative.values.data[:] = 0, 0
    relative.keys.data[-1] = 5.0
    t = attention.trace(rng.normal(size=(B, 1, H * D)), np.ones((B, S, H * D)))
    scores = t.scores.numpy()
    np.testing.assert_allclose(scores[..., 2:], scores[..., 2:3].repeat(S - 2, axis=-1), rtol=1e-5)
    assert np.abs(scores[..., 1] - scores[..., 2]).min() > 1e-3


def test_tables_have_one_row_a_distance(rng):
    relative = A.Relative(D, 5, rng=rng)
    assert relative.keys.shape == relative.values.shape == (11, D) and relative.n_parameters() == 88
