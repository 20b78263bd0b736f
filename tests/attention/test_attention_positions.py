"""Rotary, ALiBi, sinusoidal and learned positions."""

import cmath

import numpy as np
import pytest

from minattn import Tensor, precision
from minattn import attention as A
from minattn.errors import MinattnError, ShapeError

B, T, S, H, D = 2, 5, 7, 3, 4


def test_rotary_turns_pairs_like_complex_numbers(rng):
    with precision(64):
        x, places = rng.normal(size=(B, H, T, D)), np.array([0, 1, 5, 2, 11])
        turned = A.Rotary(D, base=100.0).turn(Tensor(x), places).numpy()
    for t, place in enumerate(places):
        for pair in range(D // 2):
            even, odd = 2 * pair, 2 * pair + 1
            z = (x[..., t, even] + 1j * x[..., t, odd]) * cmath.exp(1j * place * 100.0 ** (-2 * pair / D))
            np.testing.assert_allclose(turned[..., t, even], z.real, atol=1e-12)
            np.testing.assert_allclose(turned[..., t, odd], z.imag, atol=1e-12)
    np.testing.assert_allclose((turned**2).sum(axis=-1), (x**2).sum(axis=-1))


@pytest.mark.parametrize("shift", [1, 17, -3])
def test_rotary_sees_only_the_distance(rng, shift):
    with precision(64):
        rotary, (q, k) = A.Rotary(D), (Tensor(rng.normal(size=(1, 1, 1, D))) for _ in range(2))

        def score(i, j):
            return (rotary.turn(q, np.array([i])).numpy() * rotary.turn(k, np.array([j])).numpy()).sum()

        for i, j in ((0, 0), (3, 8), (11, 2)):
            np.testing.assert_allclose(score(i + shift, j + shift), score(i, j), atol=1e-12)
        assert abs(score(0, 1) - score(0, 2)) > 1e-3


@pytest.mark.parametrize(
    "n, slopes",
    [
        (1, [1 / 256]),
        (8, [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]),
        (16, [2 ** (-i / 2) for i in range(1, 17)]),
        (3, [1 / 16, 1 / 256, 1 / 4]),
        (6, [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]),
    ],
)
def test_alibi_has_the_slopes_of_the_paper(n, slopes):
    np.testing.assert_allclose(A.ALiBi(n).slopes, slopes)


def test_alibi_subtracts_slope_times_distance(rng):
    attention = A.multi_head(H * D, H, rng=rng)
    biased = A.Attention(attention.projection, positions=[A.ALiBi(H)])
    x, context = rng.normal(size=(B, T, H * D)), rng.normal(size=(B, S, H * D))
    one, two = attention.trace(x, context).scores.numpy(), biased.trace(x, context).scores.numpy()
    for h, i, j in np.ndindex(H, T, S):
        lost = one[:, h, i, j] - two[:, h, i, j]
        np.testing.assert_allclose(lost, A.ALiBi(H).slopes[h] * abs(i - j), atol=1e-5)


def test_alibi_lets_the_nearest_key_win_where_all_keys_are_equal():
    t = A.Attention(A.Identity(), positions=[A.ALiBi(1)]).trace(np.ones((1, T, 2)))
    assert (t.weights.numpy()[0, 0].argmax(axis=-1) == np.arange(T)).all()


def test_sinusoidal_table_is_the_formula():
    table = A.Sinusoidal(6, base=100.0).table(np.array([0, 3, 50]))
    for row, place in enumerate((0, 3, 50)):
        for i in range(3):
            angle = place / 100.0 ** (2 * i / 6)
            np.testing.assert_allclose(table[row, 2 * i : 2 * i + 2], [np.sin(angle), np.cos(angle)])


def test_sinusoidal_shifts_are_linear_maps():
    table = A.Sinusoidal(8).table(np.arange(40))
    shift, *_ = np.linalg.lstsq(table[:20], table[5:25], rcond=None)
    np.testing.assert_allclose(table[20:30] @ shift, table[25:35], atol=1e-8)


def test_embedding_positions_add_to_the_embeddings(rng):
    x, places = rng.normal(size=(B, T, 6)), np.array([4, 5, 6, 7, 8])
    sinusoidal, learned = A.Sinusoidal(6), A.LearnedPositions(9, 6, rng=rng)
    np.testing.assert_allclose(sinusoidal.embed(x, places).numpy(), x + sinusoidal.table(places), atol=1e-6)
    expected = x + learned.table.weight.data[places]
    np.testing.assert_allclose(learned.embed(x, places).numpy(), expected, atol=1e-6)
    learned.embed(x, places).sum().backward()
    assert learned.table.weight.grad[:, 0].tolist() == [0.0] * 4 + [float(B)] * 5


def test_positions_that_do_not_embed_leave_x_alone(rng):
    x = Tensor(rng.normal(size=(B, T, 6)))
    for position in (A.Rotary(6), A.ALiBi(2), A.CoPE(3, 6), A.Relative(6, 2, rng=rng)):
        assert position.embed(x, np.arange(T)) is x


def test_learned_positions_end(rng):
    with pytest.raises(ShapeError, match="at most 9 tokens\n  got:      10"):
        A.LearnedPositions(9, 6, rng=rng).embed(np.ones((B, 2, 6)), np.array([8, 9]))
    assert A.LearnedPositions(9, 6, rng=rng).embed(np.ones((B, 0, 6)), np.arange(0)).shape == (B, 0, 6)


@pytest.mark.parametrize("make", [lambda r: A.Sinusoidal(6), lambda r: A.LearnedPositions(9, 6, rng=r)])
def test_embeddings_of_another_width_are_refused(rng, make):
    with pytest.raises(MinattnError):
        make(rng).embed(np.ones((B, T, 4)), np.arange(T))


def test_turning_back_is_turning_by_the_opposite_places():
    rotary, x = A.Rotary(6), Tensor(np.random.default_rng(0).normal(size=(2, 3, 5, 6)))
    places = np.array([7, 0, 3, 2, 11])
    back = rotary.turn(rotary.turn(x, places), -places)
    np.testing.assert_allclose(back.numpy(), x.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "places", [[0, 1, 2], [200, 3, 3], [1 << 16, 5, 0], [-2, 0, 1], [0.5, 1.25, 2.0], [129, 130, 131]]
)
def test_kept_angles_are_those_computed_anew(places):
    rotary, places = A.Rotary(6), np.array(places)
    for bits in (32, 64, 32):
        with precision(bits):
            kept = [rotary._kept(places[:n]) for n in (3, 1, 0)]
            anew = [rotary._angles(places[:n]) for n in (3, 1, 0)]
        for got, want in zip(kept, anew):
            assert all(np.array_equal(g, w) and g.dtype == w.dtype for g, w in zip(got, want))
