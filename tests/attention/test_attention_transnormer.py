"""The mixer of TransNormerLLM: chunks of any size, and what its parts do."""

import numpy as np
import pytest

from minattn import gradcheck, precision
from minattn.attention import mixers
from minattn.attention.mixers import transnormer
from minattn.autodiff import ops

D, H, T = 12, 3, 37


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


@pytest.mark.parametrize("size", [1, 7, 16, T])
@pytest.mark.parametrize("layer", [0, 1])
def test_chunks_of_any_size_with_a_carried_state_equal_the_whole(rng, layer, size):
    mixer, x = transnormer.make(D, H, rng=rng, layer=layer), rng.normal(size=(2, T, D))
    x, q, k, v = mixer._project(x, None)
    state, outs = None, []
    for start in range(0, T, size):
        here = (slice(None), slice(None), slice(start, start + size))
        out, state = ops.linear_attention(q[here], k[here], v[here], mixer.decay(x), state, carry=True)
        outs.append(out)
    whole = mixer._finish(x, ops.concatenate(outs, axis=2)).numpy()
    np.testing.assert_allclose(whole, mixer.parallel(x).numpy(), atol=1e-10)
    np.testing.assert_allclose(whole, mixer(x).numpy(), atol=1e-10)


def test_layers_differ_in_positions_and_decay(rng):
    low, high = (transnormer.make(D, H, rng=rng, layer=layer, n_layers=2) for layer in (0, 1))
    assert len(low.positions) == 1 and not high.positions
    assert all(one < two < 1 for one, two in zip(low.decay.rates, high.decay.rates))
    assert low.state_floats() == 2 * high.state_floats() == 2 * H * 4 * 4


def test_gradients(rng):
    gradcheck(mixers.load("transnormer")(D, H, rng=rng), rng.normal(size=(1, 4, D)))
