"""Feature-map linear attention: three forms, one result."""

import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, precision
from minattn import attention as A
from minattn.attention.linear import Each, elu_plus_one
from minattn.autodiff import ops
from minattn.errors import DTypeError, ShapeError

B, T, H, D = 2, 13, 4, 3
M = H * D
PROJECTIONS = {
    "multi_head": lambda rng: A.MultiHead(M, H, rng=rng),
    "grouped_query": lambda rng: A.GroupedQuery(M, H, 2, rng=rng),
    "multi_query": lambda rng: A.MultiQuery(M, H, rng=rng),
    "identity": lambda rng: A.Identity(),
}
VALID = np.arange(T) < np.array([[T], [5]])


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def phi(a):
    return np.where(a > 0, a + 1, np.exp(np.minimum(a, 0)))


def by_hand(attention, x, valid):
    """Two loops over tokens, from equations 8 to 12."""
    q, k, v = (np.asarray(part.numpy()) for part in attention.projection(Tensor(x), Tensor(x)))
    k, v = (np.repeat(part, q.shape[1] // part.shape[1], axis=1) for part in (k, v))
    heads = np.zeros_like(q)
    for b, h, i in np.ndindex(q.shape[:3]):
        weights = [phi(q[b, h, i]) @ phi(k[b, h, j]) * valid[b, j] for j in range(i + 1)]
        heads[b, h, i] = sum(w * v[b, h, j] for j, w in enumerate(weights)) / (sum(weights) or 1)
    return attention.projection.merge(Tensor(heads)).numpy()


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_parallel_chunked_and_hand_written_forms_agree(rng, projection, padded):
    made, x = PROJECTIONS[projection](rng), rng.normal(size=(B, T, M))
    valid = VALID if padded else None
    expected = by_hand(A.LinearMixer(made), x, VALID if padded else np.ones((B, T)))
    for form in (A.LinearMixer(made).parallel, A.LinearMixer(made)):
        np.testing.assert_allclose(form(x, valid).numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("projection", ["multi_head", "grouped_query", "multi_query"])
def test_steps_agree_with_the_whole_and_carry_a_state_of_constant_size(rng, projection):
    attention, x = A.LinearMixer(PROJECTIONS[projection](rng)), rng.normal(size=(B, T, M))
    state, outs = None, []
    for t in range(T):
        out, state = attention.step(x[:, t : t + 1], state)
        outs.append(out.numpy())
        assert state[1].size == B * attention.state_floats(t + 1) == B * H * D * (D + 1)
    np.testing.assert_allclose(np.concatenate(outs, axis=1), attention.parallel(x).numpy(), atol=1e-10)


def test_gradients_of_both_forms(rng):
    attention = A.LinearMixer(A.MultiHead(4, 2, rng=rng))
    x = rng.normal(size=(2, 5, 4))
    gradcheck(attention, x)
    gradcheck(attention.parallel, x)
    grads = []
    for form in (attention, attention.parallel):
        attention.zero_grad()
        (form(x) * np.arange(40).reshape(2, 5, 4)).sum().backward()
        grads.append([p.grad for p in attention.parameters()])
    for one, two in zip(*grads, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-9)


def test_a_later_token_changes_no_earlier_output(rng):
    attention, x = A.LinearMixer(A.MultiHead(M, H, rng=rng)), rng.normal(size=(B, T, M))
    other = x.copy()
    other[:, 6:] = rng.normal(size=other[:, 6:].shape)
    for form in (attention, attention.parallel):
        np.testing.assert_array_equal(form(x).numpy()[:, :6], form(other).numpy()[:, :6])


def test_a_row_without_any_real_key_gives_zero(rng):
    attention, x = A.LinearMixer(A.MultiHead(M, H, rng=rng)), rng.normal(size=(B, T, M))
    valid = np.stack([np.zeros(T, dtype=bool), np.ones(T, dtype=bool)])
    assert not attention(x, valid).numpy()[0].any() and attention(x, valid).numpy()[1].any()


def test_elu_plus_one_is_positive_and_smooth_at_zero():
    x = Tensor(np.array([-30.0, -1.0, 0.0, 2.0]), requires_grad=True)
    y = elu_plus_one(x)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), [np.exp(-30), np.exp(-1), 1, 3])
    np.testing.assert_allclose(x.grad, [np.exp(-30), np.exp(-1), 1, 1])


def test_another_feature_map_changes_the_size_of_the_state(rng):
    attention = A.LinearMixer(
        A.MultiHead(M, H, rng=rng), Each(lambda x: ops.concatenate([ops.exp(x), ops.exp(-x)], axis=-1))
    )
    x = rng.normal(size=(B, T, M))
    np.testing.assert_allclose(attention(x).numpy(), attention.parallel(x).numpy(), atol=1e-10)
    assert attention.state_floats() == H * 2 * D * (D + 1)


def test_empty_input(rng):
    attention = A.LinearMixer(A.MultiHead(M, H, rng=rng))
    assert attention(np.ones((0, T, M))).shape == (0, T, M)
    assert attention(np.ones((B, 0, M))).shape == (B, 0, M)


def test_input_that_does_not_fit(rng):
    attention = A.LinearMixer(A.MultiHead(M, H, rng=rng))
    with pytest.raises(ShapeError, match=r"x \(B, T, d\)"):
        attention(np.ones((T, M)))
    with pytest.raises(ShapeError, match=r"x \(B, T, 12\)"):
        attention.parallel(np.ones((B, T, M + 1)))
    with pytest.raises(DTypeError, match="True = real"):
        attention(np.ones((B, T, M)), np.ones((B, T)))
    with pytest.raises(ShapeError, match=r"x \(B, 1, d_model\)"):
        attention.step(np.ones((B, 2, M)))


def test_steps_record_nothing(rng):
    attention = A.LinearMixer(A.MultiHead(M, H, rng=rng))
    out, _ = attention.step(np.ones((B, 1, M)))
    assert not out.requires_grad
    with no_grad():
        assert not attention(np.ones((B, T, M))).requires_grad
