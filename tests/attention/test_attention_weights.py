"""Softmax, sparsemax, ReLU, ReLA: what rows of weights are."""

import numpy as np
import pytest

from minattn import Tensor, precision
from minattn import attention as A

B, T, S, H, D = 2, 5, 7, 3, 4
M = H * D
WEIGHTS = {"softmax": A.Softmax, "sparsemax": A.Sparsemax, "relu": A.ReLU, "rela": lambda: A.ReLA(M)}


def trace(rng, weights, x=None, scale=3.0, **given):
    attention = A.multi_head(M, H, rng=rng, weights=weights)
    attention.projection.w_o.weight.data[:] = np.eye(M)
    x = rng.normal(size=(B, T, M)) * scale if x is None else x
    return attention.trace(x, rng.normal(size=(B, S, M)) * scale, **given)


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_are_never_negative_and_zero_where_masked(rng, name):
    valid = np.array([[True] * 4 + [False] * 3, [False] * S])
    weights = trace(rng, WEIGHTS[name](), valid=valid).weights.numpy()
    assert (weights >= 0).all() and not weights[0, ..., 4:].any() and not weights[1].any()


@pytest.mark.parametrize("name", WEIGHTS)
def test_rows_sum_to_one_where_the_map_says_so(rng, name):
    weights = WEIGHTS[name]()
    sums = trace(rng, weights).weights.numpy().sum(axis=-1)
    assert weights.sums_to_one is (name in ("softmax", "sparsemax"))
    assert np.allclose(sums, 1, atol=1e-5) is weights.sums_to_one


def test_softmax_gives_every_key_something_and_sparsemax_drops_most(rng):
    traces = (trace(np.random.default_rng(3), make()) for make in (A.Softmax, A.Sparsemax))
    soft, sparse = (t.weights.numpy() for t in traces)
    assert (soft > 0).all() and (sparse == 0).mean() > 0.4 and ((sparse > 0).sum(axis=-1) >= 1).all()


def test_sparsemax_is_the_nearest_distribution(rng):
    t = trace(rng, A.Sparsemax())
    scores, weights = t.scores.numpy(), t.weights.numpy()
    distance = ((weights - scores) ** 2).sum(axis=-1)
    for _ in range(50):
        other = rng.dirichlet(np.full(S, 0.3), size=scores.shape[:-1])
        assert (((other - scores) ** 2).sum(axis=-1) >= distance - 1e-4).all()


def test_relu_keeps_positive_scores_as_they_are(rng):
    t = trace(rng, A.ReLU())
    np.testing.assert_array_equal(t.weights.numpy(), np.maximum(t.scores.numpy(), 0))
    assert (t.weights.numpy() == 0).any()


def rela_on(weights, heads):
    """What ReLA makes of gathered vectors."""
    return weights.finish(Tensor(heads)).numpy()


def test_rela_normalises_all_heads_together(rng):
    with precision(64):
        rela = A.ReLA(M)
        rela.gate.data, rela.norm.gain.data = rng.normal(size=(2, M))
        heads = rng.normal(size=(B, H, T, D))
        out = rela_on(rela, heads)
        for b, t in np.ndindex(B, T):
            z = np.concatenate(list(heads[b, :, t]))
            normed = z / np.sqrt((z * z).mean() + 1e-6) * rela.norm.gain.data
            expected = normed / (1 + np.exp(-rela.gate.data * z))
            np.testing.assert_allclose(np.concatenate(list(out[b, :, t])), expected, rtol=1e-10)


def test_a_gate_of_zero_halves_the_normalised_output(rng):
    out = rela_on(A.ReLA(M), rng.normal(size=(B, H, T, D)))
    sizes = (out**2).sum(axis=(1, 3)) / M
    np.testing.assert_allclose(sizes, 0.25, rtol=1e-4)


def test_larger_values_leave_the_normalised_output_as_it_is(rng):
    heads = rng.normal(size=(B, H, T, D)) * 10
    np.testing.assert_allclose(rela_on(A.ReLA(M), heads), rela_on(A.ReLA(M), heads * 7), rtol=1e-4)


def test_a_row_of_negative_scores_gives_exactly_zero_and_finite_gradients():
    keys = np.abs(np.random.default_rng(0).normal(size=(1, S, D))) + 0.1
    x = Tensor(-np.abs(np.random.default_rng(1).normal(size=(1, T, D))) - 0.1, requires_grad=True)
    for weights in (A.ReLU(), A.ReLA(D)):
        x.grad = None
        t = A.Attention(A.Identity(), weights=weights).trace(x, keys)
        t.out.sum().backward()
        assert (t.scores.numpy() < 0).all() and not t.out.numpy().any() and np.isfinite(x.grad).all()
