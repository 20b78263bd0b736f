import numpy as np
import pytest

from minattn.decoding import greedy, restrict, sample
from minattn.errors import ArgumentError, DTypeError

P = np.array([[0.05, 0.4, 0.1, 0.3, 0.15], [0.2, 0.2, 0.2, 0.2, 0.2]])


def _kept(**settings):
    return [np.flatnonzero(row).tolist() for row in restrict(np.log(P), **settings)]


@pytest.mark.parametrize("k, first", [(1, [1]), (2, [1, 3]), (4, [1, 2, 3, 4]), (9, [0, 1, 2, 3, 4])])
def test_top_k_keeps_exactly_k(k, first):
    assert _kept(top_k=k) == [first, list(range(min(k, 5)))]


@pytest.mark.parametrize(
    "p, first, second",
    [(0.3, [1], 2), (0.4 - 1e-9, [1], 2), (0.41, [1, 3], 3), (0.84, [1, 3, 4], 5), (1.0, [0, 1, 2, 3, 4], 5)],
)
def test_top_p_keeps_the_smallest_set_that_reaches_p(p, first, second):
    assert _kept(top_p=p) == [first, list(range(second))]


def test_top_p_counts_what_top_k_left():
    # 0.4 and 0.3 become 4/7 and 3/7: the first alone reaches 0.5.
    assert _kept(top_k=2, top_p=0.5)[0] == [1] and _kept(top_p=0.5)[0] == [1, 3]


def test_what_is_kept_keeps_its_proportions():
    for settings in (dict(top_k=3), dict(top_p=0.8), dict()):
        p = restrict(np.log(P), **settings)
        kept = p > 0
        assert np.allclose(p.sum(-1), 1)
        assert np.allclose(p, np.where(kept, P, 0) / np.where(kept, P, 0).sum(-1, keepdims=True))


def test_temperature_is_a_power_and_unnormalised_scores_will_do():
    p = P**2 / (P**2).sum(-1, keepdims=True)
    assert np.allclose(restrict(np.log(P) + 3, temperature=0.5), p)
    assert np.allclose(restrict(np.log(P), temperature=1e9), 0.2)
    assert np.isfinite(restrict(np.log(P) * 1e5, temperature=1e-3)).all()


@pytest.mark.parametrize(
    "settings", [dict(temperature=0), dict(temperature=1e-320), dict(top_k=1), dict(top_p=1e-9)]
)
def test_no_freedom_is_greedy(table, settings):
    rng = np.random.default_rng(0)
    said = sample(table(6, 3), np.arange(9), end=2, max_len=10, rng=rng, **settings)
    assert said == greedy(table(6, 3), np.arange(9), end=2, max_len=10)


def test_draws_have_the_frequencies_of_the_model():
    step = lambda prefix: np.log(np.tile(P[0], (len(prefix), 1)))  # noqa: E731
    said = sample(step, np.zeros(700, int), max_len=10, rng=np.random.default_rng(1))
    assert np.allclose(np.bincount(np.ravel(said)) / 7000, P[0], atol=0.02)


def test_impossible_tokens_are_never_drawn():
    step = lambda prefix: np.tile([-np.inf, -0.7, -np.inf, -0.7, -np.inf], (len(prefix), 1))  # noqa: E731
    said = sample(step, np.zeros(300, int), max_len=10, rng=np.random.default_rng(2))
    assert set(np.ravel(said)) == {1, 3}


def test_the_generator_decides_and_the_end_ends(table, cached):
    draw = lambda step, seed: sample(step, np.arange(11), end=2, max_len=9, rng=np.random.default_rng(seed))  # noqa: E731
    said = draw(table(5, 8), 4)
    assert said == draw(table(5, 8), 4) == draw(cached(5, 8), 4) != draw(table(5, 8), 5)
    assert not any(2 in row for row in said) and len({len(row) for row in said}) > 2


def test_bad_input(table):
    for bad in (
        dict(temperature=-1),
        dict(temperature=np.nan),
        dict(top_k=0),
        dict(top_p=0),
        dict(top_p=1.2),
    ):
        with pytest.raises(ArgumentError):
            sample(table(5, 0), [1], max_len=3, rng=np.random.default_rng(0), **bad)
    with pytest.raises(ArgumentError, match="possible"):
        restrict(np.full((2, 3), -np.inf))
    with pytest.raises(DTypeError):
        sample(table(5, 0), [1], max_len=3, rng=0)
    with pytest.raises(DTypeError):
        restrict(np.log(P), top_k=2.5)
