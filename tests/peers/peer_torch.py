"""Run a layer of ours and one of PyTorch on the same numbers and compare values and gradients."""

import numpy as np
import torch

from minattn import Tensor

TOLERANCE = {32: 1e-5, 64: 1e-10}
DTYPE = {32: torch.float32, 64: torch.float64}


def array(value):
    """A NumPy array of one of our tensors, of a torch tensor, or of an array."""
    value = value.detach() if isinstance(value, torch.Tensor) else value
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def to_torch(value, bits, requires_grad=False):
    value = torch.tensor(np.array(array(value)))
    value = value.to(DTYPE[bits]) if value.is_floating_point() else value
    return value.requires_grad_(requires_grad)


def leaves(value, bits):
    """One input for both sides."""
    return Tensor(value, requires_grad=True), to_torch(Tensor(value), bits, requires_grad=True)


def copy(pairs):
    """Our parameters into PyTorch's: pairs of (ours, theirs)."""
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.copy_(torch.tensor(array(ours.data)))


def equal(ours, theirs, bits, what=""):
    """Both within the tolerance, relative to the largest number in sight."""
    ours, theirs = array(ours), array(theirs)
    assert ours.shape == theirs.shape, what
    scale = max(1.0, float(np.abs(theirs).max(initial=0.0)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[bits] * scale, err_msg=what)


def same(ours, theirs, inputs, parameters, bits):
    """Values and gradients: `ours` and `theirs` are outputs, the rest pairs of (ours, theirs)."""
    equal(ours, theirs, bits, "values")
    weights = np.random.default_rng(1).normal(size=theirs.shape)
    (ours * weights).sum().backward()
    (theirs * to_torch(weights, bits)).sum().backward()
    for i, (one, two) in enumerate([*inputs, *parameters]):
        equal(one.grad, two.grad, bits, f"gradient {i}")
