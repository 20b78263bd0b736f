"""The short convolution with a gate."""

import numpy as np
import pytest

from minattn import gradcheck, precision
from minattn.attention.mixers.gated_conv import GatedConv
from minattn.errors import ArgumentError


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_each_output_sees_the_last_tokens_and_no_other(rng, width):
    with precision(64):
        conv, x = GatedConv(5, width, rng=rng), rng.normal(size=(2, 7, 5))
        before = conv(x).numpy()
        for s in range(7):
            other = x.copy()
            other[:, s] += 1
            moved = np.abs(conv(other).numpy() - before).max(axis=(0, 2)) > 1e-9
            assert list(np.flatnonzero(moved)) == list(range(s, min(s + width, 7)))


def test_by_hand_and_gradients(rng):
    with precision(64):
        conv, x = GatedConv(3, rng=rng), rng.normal(size=(2, 5, 3))
        taps, gate = conv.taps.numpy(), conv.gate(x).numpy()
        conv.shift.data[:] = shift = rng.normal(size=3)
        for t in range(5):
            total = shift + sum(taps[s] * x[:, t - s] for s in range(3) if t >= s)
            np.testing.assert_allclose(conv(x).numpy()[:, t], gate[:, t] * total)
        gradcheck(conv, x)
    with pytest.raises(ArgumentError, match="width >= 1"):
        GatedConv(3, 0, rng=rng)
