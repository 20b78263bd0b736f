"""Every primitive can be part of a captured step: it brings nothing from the host and waits for nothing."""

from types import SimpleNamespace

import cuda_samples
import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import PRIMITIVES, Tensor
from minattn.backends import asnumpy, xp

pytestmark = pytest.mark.cuda


def cases():
    """Samples whose arguments are arrays and plain settings; boolean indices need to wait for the device."""
    for name, primitive in sorted(PRIMITIVES.items()):
        for i, (args, static) in enumerate(primitive.draw_samples(np.random.default_rng(0))):
            if all(a is None or isinstance(a, (np.ndarray, int, float)) for a in args):
                yield pytest.param(name, args, static, id=f"{name}-{i}")


@pytest.mark.parametrize("name, args, static", list(cases()))
def test_captured_twice_and_replayed(name, args, static, recorder):
    places = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]

    def step(*arrays):
        full = list(args)
        for i, array in zip(places, arrays):
            follows = array.dtype.kind == "f" and (name, i) not in cuda_samples.CONSTANT
            full[i] = Tensor(array, requires_grad=True) if follows else array
        out = PRIMITIVES[name](*full, **static)
        if out.requires_grad:
            out.backward(xp.ones_like(out.data))
        grads = [a.grad for a in full if isinstance(a, Tensor) and a.grad is not None]
        return [out.data, *grads]

    run = backends.capture(step, SimpleNamespace(parameters=[]))
    given = [args[i].astype(np.float32) if args[i].dtype.kind == "f" else args[i] for i in places]
    eager, *launched = ([asnumpy(a) for a in run(*given)] for _ in range(3))
    assert recorder.calls.count("launch") == 2
    for later in launched:
        assert len(later) == len(eager)
        assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(eager, later))
