import numpy as np
import pytest

from minattn import attention as A

B, T, S = 2, 5, 7


@pytest.mark.parametrize("context", [None, 11])
@pytest.mark.parametrize("make", [A.multi_head, A.multi_query, lambda *n, **k: A.grouped_query(*n, 2, **k)])
def test_projected_recipes(rng, make, context):
    attention = make(12, 4, rng=rng, d_context=context, masks=[A.Window(2)])
    c = rng.normal(size=(B, S, context or 12))
    assert attention(rng.normal(size=(B, T, 12)), c).shape == (B, T, 12) and attention.masks[0].half == 2


@pytest.mark.parametrize(
    "make, score",
    [
        (lambda r: A.bahdanau(5, 3, 7, rng=r), A.Additive),
        (lambda r: A.luong_general(5, 3, rng=r), A.General),
        (lambda r: A.luong_concat(5, 3, 7, rng=r), A.Concat),
        (lambda r: A.luong_location(5, S, rng=r), A.Location),
    ],
)
def test_recipes_of_recurrent_decoders_return_a_mix_of_the_context(rng, make, score):
    attention, x, context = make(rng), rng.normal(size=(B, T, 5)), rng.normal(size=(B, S, 3))
    t = attention.trace(x, context)
    assert type(attention.score) is score and t.out.shape == (B, T, 3)
    np.testing.assert_allclose(t.out.numpy(), t.weights.numpy()[:, 0] @ context, atol=1e-5)


def test_luong_dot_needs_one_length(rng):
    x, context = rng.normal(size=(B, T, 3)), rng.normal(size=(B, S, 3))
    scores = A.luong_dot().trace(x, context).scores.numpy()[:, 0]
    np.testing.assert_allclose(scores, x @ context.swapaxes(1, 2), atol=1e-5)


def test_local_m_looks_around_its_own_place(rng):
    weights = A.luong_local_m(2).trace(rng.normal(size=(B, T, 3)), rng.normal(size=(B, S, 3))).weights.numpy()
    away = np.abs(np.arange(T)[:, None] - np.arange(S))
    assert ((weights[:, 0] > 0) == (away <= 2)).all()
    assert A.luong_local_m(2, score=A.General(3, 3, rng=rng)).score.n_parameters() == 9


def test_local_p_looks_around_a_predicted_place(rng):
    attention = A.luong_local_p(3, 2, rng=rng)
    t = attention.trace(rng.normal(size=(B, T, 3)), rng.normal(size=(B, S, 3)))
    away = np.abs(np.arange(S) - t.extra["center"].numpy())
    assert ((t.weights.numpy() > 0) == (away <= 2)).all()
