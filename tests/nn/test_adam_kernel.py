"""The compiled step of Adam and AdamW is the array version's: any shapes, threads and precision."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.nn import Parameter
from minattn.nn.optim import Adam, AdamW

pool = sys.modules["minattn.backends.threads"]
MAKERS = [lambda p: Adam(p, lr=0.1), lambda p: AdamW(p, lr=0.1, decay=0.3, betas=(0.7, 0.9))]


def trained(backend, make, shapes, bits=32, grad=lambda g: g):
    """The parameters and the optimiser's state after three steps."""
    rng = np.random.default_rng(0)
    with backends.using(backend):
        parameters = [Parameter(rng.normal(size=shape)) for shape in shapes]
        for p in parameters:
            p.data = p.data.astype(f"float{bits}")
        optimiser = make(parameters)
        for _ in range(3):
            for p in parameters:
                p.grad = grad((rng.normal(size=p.shape) * 10.0 ** rng.integers(-4, 2)).astype(p.dtype))
            optimiser.step()
        return [a for p, s in zip(parameters, optimiser.state) for a in (p.data, *s.values())]


def assert_same(got, want, tolerance):
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape and g.dtype == w.dtype
        assert np.allclose(g, w, rtol=tolerance, atol=tolerance * np.abs(w).max(initial=0))


@pytest.mark.parametrize("bits, tolerance", [(32, 1e-6), (64, 1e-12)])
@pytest.mark.parametrize("make", MAKERS, ids=["Adam", "AdamW"])
@given(shapes=st.lists(st.lists(st.integers(0, 71), max_size=2).map(tuple), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_steps_are_those_of_the_array_version(make, bits, tolerance, shapes):
    assert_same(trained("numba", make, shapes, bits), trained("numpy", make, shapes, bits), tolerance)


def test_all_parameters_move_in_one_call():
    backends.kernel_log.clear()
    trained("numba", MAKERS[1], [(3, 5), (7,), ()])
    assert backends.kernel_log["adam", "numba", "forward"] == 3


def test_number_of_threads_does_not_show(monkeypatch):
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    runs = []
    for count in (1, 2, 2):
        monkeypatch.setattr(pool, "_wanted", count)
        runs.append(trained("numba", MAKERS[1], [(263, 257), (3, 5), (523, 257)]))
    assert_same(runs[0], runs[1], 1e-6)  # two compiled forms round in their own ways
    assert all((a == b).all() for a, b in zip(runs[1], runs[2]))


def test_gradients_of_any_layout():
    def transposed(g):
        return np.ascontiguousarray(g.T).T

    got = trained("numba", MAKERS[1], [(3, 5), (7, 2)], grad=transposed)
    assert_same(got, trained("numpy", MAKERS[1], [(3, 5), (7, 2)]), 1e-6)


def test_body_as_plain_python_is_the_compiled_one():
    compiled = trained("numba", MAKERS[1], [(3, 5), (7,)])
    with backends.without_compiler():
        plain = trained("numba", MAKERS[1], [(3, 5), (7,)])
    assert_same(compiled, plain, 1e-6)
