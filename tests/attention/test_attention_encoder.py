"""Linear attention from all to all, and scaled queries and keys."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, nn, precision
from minattn.attention.linear import (
    CentredByLongest,
    Delta,
    Each,
    FixedDecay,
    LinearEncoder,
    LinearMixer,
    Standardised,
    Taylor,
)
from minattn.errors import ArgumentError

B, H, T, D = 2, 3, 7, 5
M = H * D


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def test_all_to_all_equals_the_table_and_the_last_row_of_the_causal_mixer(rng):
    projection, x = A.MultiHead(M, H, rng=rng), rng.normal(size=(B, T, M))
    valid = np.arange(T) < np.array([[T], [4]])
    encoder, causal = (kind(projection, Taylor()) for kind in (LinearEncoder, LinearMixer))
    np.testing.assert_allclose(encoder(x, valid).numpy(), encoder.parallel(x, valid).numpy(), atol=1e-12)
    np.testing.assert_allclose(encoder(x, valid).numpy()[:, -1], causal(x, valid).numpy()[:, -1], atol=1e-12)
    np.testing.assert_allclose(encoder(x, valid).numpy()[1, :4], encoder(x[1:, :4]).numpy()[0], atol=1e-12)
    gradcheck(encoder, x[:1, :4])


def test_what_speaks_of_an_order_is_refused(rng):
    projection = A.MultiHead(M, H, rng=rng)
    for slot in (dict(decay=FixedDecay([1.0] * H)), dict(update=Delta(nn.Linear(M, H, rng=rng)))):
        with pytest.raises(ArgumentError, match="no decay"):
            LinearEncoder(projection, **slot)
    with pytest.raises(NotImplementedError):
        LinearEncoder(projection).step(np.ones((B, 1, M)))


def test_scaled_queries_and_keys(rng):
    q, k = rng.normal(size=(2, B, H, T, D)) * 3 + 2
    same = Each(lambda x: x)
    for got in Standardised(same)(q, k):
        np.testing.assert_allclose(got.numpy().mean(-1), 0, atol=1e-12)
        np.testing.assert_allclose(got.numpy().std(-1), 1, atol=1e-5)
    small = [part.numpy() for part in CentredByLongest(same)(q, k)]
    for got in small:
        np.testing.assert_allclose(got.mean(-1), 0, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(got, axis=-1).max(-1), 1, atol=1e-5)
    assert np.abs(small[0] @ small[1].swapaxes(-1, -2)).max() <= 1
    assert [part.shape for part in CentredByLongest(same)(q[:, :, :0], k[:, :, :0])] == [(B, H, 0, D)] * 2
    gradcheck(lambda x: Standardised(Taylor())(x, x)[0], q[:1, :1, :2])
