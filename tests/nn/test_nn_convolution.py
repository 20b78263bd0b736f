import math

import numpy as np
import pytest

from minattn import precision
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.nn import Conv1d, Conv2d


@pytest.mark.parametrize("stride, padding, dilation", [(1, 0, 1), (2, 3, 1), (1, 2, 3), (3, 1, 2)])
def test_conv1d_is_its_sum(rng, stride, padding, dilation):
    with precision(64):
        layer = Conv1d(2, 5, 3, rng=rng, stride=stride, padding=padding, dilation=dilation)
        layer.bias.data[:] = rng.normal(size=5)
        x = rng.normal(size=(7, 2, 11))
        out = layer(x).numpy()
    wide = np.pad(x, ((0, 0), (0, 0), (padding, padding)))
    for t in range(out.shape[2]):
        window = wide[:, :, t * stride : t * stride + 2 * dilation + 1 : dilation]
        expected = np.einsum("bci,oci->bo", window, layer.weight.data) + layer.bias.data
        np.testing.assert_allclose(out[:, :, t], expected, rtol=1e-10)
    assert out.shape[2] == (11 + 2 * padding - 2 * dilation - 1) // stride + 1


def test_conv2d_is_its_sum(rng):
    with precision(64):
        layer = Conv2d(2, 5, 3, rng=rng, stride=2, padding=1)
        x = rng.normal(size=(3, 2, 7, 11))
        out = layer(x).numpy()
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    assert out.shape == (3, 5, 4, 6)
    for i, j in np.ndindex(4, 6):
        window = wide[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        expected = np.einsum("bchw,ochw->bo", window, layer.weight.data)
        np.testing.assert_allclose(out[:, :, i, j], expected, rtol=1e-10)


def test_start_values_count_all_inputs_of_a_filter(rng):
    for layer, fan in ((Conv1d(7, 200, 3, rng=rng), 21), (Conv2d(7, 200, 3, rng=rng), 63)):
        assert 0.98 / math.sqrt(fan) < np.abs(layer.weight.data).max() <= 1 / math.sqrt(fan)
        assert not layer.bias.data.any()


def test_input_that_does_not_fit(rng):
    with pytest.raises(ShapeError, match=r"x \(B, C, T\)"):
        Conv1d(2, 3, 5, rng=rng)(np.ones((7, 3, 11)))
    with pytest.raises(ShapeError, match="a signal as long as the filter"):
        Conv1d(2, 3, 5, rng=rng)(np.ones((7, 2, 4)))
    with pytest.raises(ShapeError, match="height, width"):
        Conv2d(2, 3, 5, rng=rng)(np.ones((7, 2, 11)))
    with pytest.raises(DTypeError, match="x / 255"):
        Conv2d(1, 3, 2, rng=rng)(np.ones((7, 1, 5, 5), dtype=np.uint8))
    with pytest.raises(ArgumentError):
        Conv1d(2, 3, 0, rng=rng)
    with pytest.raises(ArgumentError, match="stride"):
        Conv1d(2, 3, 5, rng=rng, stride=0)(np.ones((7, 2, 11)))
