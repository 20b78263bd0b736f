"""What every mixer promises: forward equals repeated steps, nothing looks ahead, costs are whole numbers."""

import numpy as np
import pytest

from minattn.attention import mixers
from minattn.autodiff import Tensor, no_grad, precision
from minattn.errors import ArgumentError

D, H, B, T = 8, 2, 3, 13


def made(name, seed=0):
    return mixers.load(name)(D, H, rng=np.random.default_rng(seed)).eval()


@pytest.fixture(params=mixers.registry())
def mixer(request):
    with precision(64):
        yield made(request.param)


def test_forward_equals_repeated_steps(mixer):
    x = np.random.default_rng(1).normal(size=(B, T, D))
    whole, state = mixer(x).data, None
    for t in range(T):
        out, state = mixer.step(Tensor(x[:, t : t + 1]), state)
        np.testing.assert_allclose(out.data, whole[:, t : t + 1], atol=1e-9)


def test_no_output_depends_on_a_later_input(mixer):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(B, T, D))
    with no_grad():
        before = mixer(x).data
        for t in (1, 5, T - 1):
            other = x.copy()
            other[:, t:] = rng.normal(size=(B, T - t, D))
            np.testing.assert_allclose(mixer(other).data[:, :t], before[:, :t], atol=1e-12)
            assert np.abs(mixer(other).data[:, t:] - before[:, t:]).max() > 1e-6


def test_padding_changes_nothing_before_and_after_it(mixer):
    x = np.random.default_rng(3).normal(size=(B, T, D))
    valid = np.arange(T) < 9
    x_other = np.where(valid[:, None], x, 7.0)
    with no_grad():
        shown = [mixer(x, valid=np.broadcast_to(valid, (B, T))).data[:, :9] for x in (x, x_other)]
    np.testing.assert_allclose(*shown, atol=1e-12)


def test_costs_grow_with_length_and_have_a_place_in_the_taxonomy(mixer):
    sizes = [(mixer.state_floats(n), mixer.flops(n)) for n in (1, 16, 256)]
    assert all(isinstance(number, int) and number > 0 for pair in sizes for number in pair)
    assert sizes == sorted(sizes) and len(mixer.taxonomy) == 2
    assert mixer.taxonomy[0] in ("full", "linear", "sparse", "hybrid")


def test_a_mixer_of_your_own_joins_by_its_file(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("def same(d_model, n_heads, *, rng):\n    return lambda x, valid=None: x\n")
    assert mixers.load(f"{mine}:same")(D, H, rng=None)(7) == 7
    for wrong in ("softmaxx", f"{mine}:other", f"{tmp_path}/none.py:same"):
        with pytest.raises(ArgumentError):
            mixers.load(wrong)
