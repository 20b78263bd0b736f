import numpy as np
import pytest

from minattn import Tensor, gradcheck, precision
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.nn import LayerNorm, RMSNorm, SRMSNorm


def test_layer_norm_is_its_formula(rng):
    with precision(64):
        layer, x = LayerNorm(7, eps=1e-3), rng.normal(2.0, 3.0, size=(2, 5, 7))
        layer.gain.data[:], layer.bias.data[:] = rng.normal(size=(2, 7))
        away = x - x.mean(axis=-1, keepdims=True)
        expected = away / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3) * layer.gain.data + layer.bias.data
        np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-10)


def test_rms_norm_is_its_formula(rng):
    with precision(64):
        layer, x = RMSNorm(7, eps=1e-3), rng.normal(2.0, 3.0, size=(2, 5, 7))
        layer.gain.data[:] = rng.normal(size=7)
        expected = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-3) * layer.gain.data
        np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("make, mean", [(LayerNorm, 0.0), (RMSNorm, None)])
def test_at_the_start_rows_have_size_one(rng, make, mean):
    out = make(50)(rng.normal(5.0, 2.0, size=(3, 50))).numpy()
    np.testing.assert_allclose((out**2).mean(axis=-1), 1.0, rtol=1e-4)
    if mean is not None:
        np.testing.assert_allclose(out.mean(axis=-1), mean, atol=1e-5)


@pytest.mark.parametrize("make", [LayerNorm, RMSNorm])
def test_a_row_of_zeros_stays_zero_with_finite_gradients(make):
    x = Tensor(np.zeros((2, 3)), requires_grad=True)
    out = make(3)(x)
    out.sum().backward()
    assert not out.numpy().any() and np.isfinite(x.grad).all()


@pytest.mark.parametrize("make", [LayerNorm, RMSNorm])
def test_input_that_does_not_fit(make):
    with pytest.raises(ShapeError, match=r"\(\.\., 3\)"):
        make(3)(np.ones((3, 2)))
    with pytest.raises(DTypeError):
        make(3)(np.ones((2, 3), dtype=int))
    with pytest.raises(ArgumentError):
        make(0)


def test_srms_norm_has_size_one_and_no_parameters(rng):
    x = rng.normal(size=(2, 3, 5))
    with precision(64):
        norm = SRMSNorm(eps=0.0)
        np.testing.assert_allclose((norm(x).numpy() ** 2).mean(-1), 1)
        np.testing.assert_allclose(norm(x).numpy(), norm(1000 * x).numpy())
        gradcheck(norm, x)
    assert norm.n_parameters() == 0
