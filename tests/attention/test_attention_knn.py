"""A store in front of the text: one softmax, the k best, no place, gradients into what was written."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import no_grad, precision
from minattn.attention.memory import KNNMemory
from minattn.attention.memory.knn import best
from minattn.autodiff import Tensor, gradcheck
from minattn.errors import ArgumentError, ShapeError

B, T, H, D, CONTEXTS, S = 2, 7, 4, 6, 3, 5
M, N = H * D, CONTEXTS * S


@pytest.fixture(autouse=True)
def exact():
    with precision(64):
        yield


@pytest.fixture
def stored(rng):
    return [Tensor(a, requires_grad=True) for a in rng.normal(size=(2, CONTEXTS, H, S, D))]


@pytest.fixture
def attention(rng):
    slots = {"masks": [A.Causal()], "positions": [A.Rotary(D), A.ALiBi(H)]}
    return A.multi_head(M, H, rng=rng, memory=KNNMemory(), **slots)


@pytest.fixture
def x(rng):
    return rng.normal(size=(B, T, M))


def read(attention, x, *written, top_k=None, **given):
    attention.memory.clear()
    attention.memory.top_k = top_k
    for pair in written:
        attention.memory.write(*pair)
    return attention.trace(x, **given)


def test_what_is_written_stands_in_a_row_before_the_text(attention, x, stored):
    t = read(attention, x, stored, [a[:1] for a in stored])
    assert t.weights.shape == (B, H, T, N + S + T) and len(attention.memory) == N + S
    for context in range(CONTEXTS):
        here = slice(S * context, S * (context + 1))
        np.testing.assert_array_equal(t.k.data[1, :, here], stored[0].data[context])
        np.testing.assert_array_equal(t.v.data[0, :, here], stored[1].data[context])
    np.testing.assert_allclose(t.weights.data.sum(-1), 1)


def test_as_many_as_there_are_is_dense_and_nothing_written_is_local(attention, x, stored):
    dense = read(attention, x, stored).out.data
    np.testing.assert_array_equal(read(attention, x, stored, top_k=N).out.data, dense)
    plain = A.Attention(attention.projection, masks=attention.masks, positions=attention.positions)
    np.testing.assert_allclose(read(attention, x, top_k=3).out.data, plain(x).data, atol=1e-12)


def test_each_query_of_each_head_sees_its_k_best(attention, x, stored):
    t = read(attention, x, stored, top_k=4)
    scores, seen = t.scores.data[..., :N], t.mask[..., :N]
    expected = np.zeros(scores.shape, dtype=bool)
    for index in np.ndindex(scores.shape[:3]):
        expected[index][np.argsort(-scores[index])[:4]] = True
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_allclose(attention(x).data, t.out.data, atol=1e-12)


def test_of_equal_keys_the_first_and_never_one_that_is_hidden():
    fit, seen = np.array([1.0, 3, 1, 3, 1]), np.array([True, False, True, True, True])
    np.testing.assert_array_equal(best(fit, 3), [True, True, False, True, False])
    np.testing.assert_array_equal(best(fit, 2, seen), [True, False, False, True, False])
    np.testing.assert_array_equal(best(fit, 9, seen), seen)


def test_a_row_sees_only_what_it_may(attention, x, stored):
    seen = np.repeat([[True, False, True], [False, False, False]], S, axis=1)
    for top_k in (None, 2):
        t = read(attention, x, stored, top_k=top_k, stored=seen)
        assert not t.weights.data[..., :N][:, :, :, ~seen[0]].any() and not t.weights.data[1, ..., :N].any()
    few = read(attention, x, [a[::2] for a in stored], top_k=2)
    np.testing.assert_allclose(
        read(attention, x, stored, top_k=2, stored=seen).out.data[0], few.out.data[0], atol=1e-12
    )


def test_the_store_has_no_place(attention, x, stored):
    here, there = (read(attention, x, stored, start=start).scores.data for start in (0, 9))
    np.testing.assert_allclose(here[..., :N], there[..., :N], atol=1e-12)


def test_gradients_flow_into_the_keys_of_all_contexts_that_are_seen(attention, x, stored):
    seen = np.repeat([[True, True, False]] * B, S, axis=1)
    (read(attention, x, stored, stored=seen).out ** 2).sum().backward()
    for part in stored:
        assert part.grad[:2].any(axis=(1, 2, 3)).all() and not part.grad[2].any()
    arrays = [part.data[:, :, :2] for part in stored]
    assert gradcheck(lambda k, v: read(attention, x[:1, :3], (k, v)).out, *arrays, most=20) < 1e-6


def test_decoding_step_by_step_reads_the_same_store(attention, x, stored):
    whole, cache = read(attention, x, stored, top_k=3).out.data, A.KVCache()
    with no_grad():
        steps = [attention(x[:, t : t + 1], cache=cache).data for t in range(T)]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), whole, atol=1e-10)


def test_what_does_not_fit(attention, x, stored):
    for seen in (np.ones((B, N + 1), dtype=bool), np.ones((B, N))):
        with pytest.raises(ArgumentError):
            read(attention, x, stored, stored=seen)
    with pytest.raises(ShapeError):
        attention.memory.write(stored[0], stored[1][:, :2])
    with pytest.raises(ArgumentError):
        KNNMemory(0)
