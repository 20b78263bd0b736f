import numpy as np
import pytest

from minattn.worlds import counting

B = 211


@pytest.fixture
def rng():
    return np.random.default_rng(13)


@pytest.mark.parametrize("p_mark", [0.25, 0.0, 1.0])
def test_kth_last_against_a_loop(rng, p_mark):
    d = counting.kth_last(rng, B, length=17, n_values=7, p_mark=p_mark, max_k=3)
    assert d["inputs"].shape == d["marked"].shape == (B, 18)
    assert set(d["k"]) == {1, 2, 3} and not d["marked"][:, -1].any()
    assert np.array_equal(d["inputs"][:, -1], 7 + d["k"] - 1) and set(d["inputs"][:, :-1].flat) == set(
        range(7)
    )
    for inputs, marked, k, target, attend in zip(
        *(d[n] for n in ("inputs", "marked", "k", "targets", "attend"))
    ):
        places = np.flatnonzero(marked)
        assert attend == places[-k] and target == inputs[attend]


def test_kth_last_marks_at_the_asked_rate(rng):
    d = counting.kth_last(rng, 2000, length=61, p_mark=0.25)
    assert abs(d["marked"][:, :-1].mean() - 0.25) < 0.01
    assert (counting.kth_last(rng, 100, length=61, p_mark=0)["marked"].sum(1) == 4).all()


def test_flip_flop_against_a_loop(rng):
    d = counting.flip_flop(rng, B, length=19, n_values=3, p_ignore=0.6)
    assert set(d["values"][d["valid"]]) == {3} and set(d["values"][~d["valid"]]) == {0, 1, 2}
    assert (d["instructions"][:, 0] == 0).all() and (d["instructions"][:, -1] == 2).all()
    for instructions, values, targets, attend in zip(
        d["instructions"], d["values"], d["targets"], d["attend"]
    ):
        for t, instruction in enumerate(instructions):
            place = t if instruction == 0 else place  # noqa: F821 (the first instruction is a write)
            assert attend[t] == place and targets[t] == values[place]
    share = np.bincount(d["instructions"][:, 1:-1].ravel()) / d["instructions"][:, 1:-1].size
    assert np.allclose(share, [0.2, 0.6, 0.2], atol=0.03)


def test_count_against_a_loop(rng):
    n, largest = 3, 4
    d = counting.count(rng, B, length=29, n_counters=n, p_pass=0.2, p_reset=0.1, largest=largest)
    assert d["inputs"].shape == d["counted"].shape == (B, 30)
    for inputs, target, counted in zip(d["inputs"], d["targets"], d["counted"]):
        value = [0] * n
        for token in inputs[:-1]:
            if 1 <= token <= n:
                value[token - 1] += 1
            elif token > n:
                value[token - 1 - n] = 0
            assert max(value) <= largest
        asked = inputs[-1] - 1 - 2 * n
        assert value[asked] == target == counted.sum()
        assert (inputs[counted] == 1 + asked).all()
    assert set(d["targets"]) == set(range(largest + 1))
