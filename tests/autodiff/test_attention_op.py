"""The fused attention equals its composition: as array code, in compiled tiles, in tiles as plain Python."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, no_grad, ops, precision
from minattn.backends.compile import always_threads
from minattn.errors import ArgumentError, DTypeError, ShapeError

MODULES = [sys.modules[f"minattn.autodiff.ops.attention_{part}"] for part in ("tiles", "kernels")]
OP = sys.modules["minattn.autodiff.ops.attention"]
RNG = np.random.default_rng(0)
COMPILED = not os.environ.get("MINATTN_NO_JIT")  # plain Python takes smaller tiles, and as many of them
TILE = MODULES[0].TILE if COMPILED else 8
B, H, T, S, D, DV = 2, 3, TILE + 3, 2 * TILE + 3, 5, 7
Q, K, V = (RNG.normal(size=(B, H, n, d)) for n, d in ((T, D), (S, D), (S, DV)))
CAUSAL = np.arange(S) <= np.arange(T)[:, None] + S - T
CAUSAL[3] = False
MASKS = {
    "none": None,
    "causal": CAUSAL,
    "keys": RNG.random((B, 1, 1, S)) < 0.5,
    "queries": RNG.random((B, 1, T, 1)) < 0.5,
    "heads": RNG.random((H, T, S)) < 0.3,
    "nothing": np.zeros((1, 1), dtype=bool),
    "one_tile": (np.arange(S) // TILE == 1)[None, :],
}
BIASES = {
    "none": None,
    "all": RNG.normal(size=(B, H, T, S)),
    "key": RNG.normal(size=S),
    "row": RNG.normal(size=(T, 1)),
}
WINDOWS = [(None, 0), (None, S - T), (0, None), (3, 2), (-2, 5.5), (TILE + 1, -TILE), (-S, None), (1e9, 1e9)]


def small_tiles(monkeypatch, size):
    for module in MODULES:
        monkeypatch.setattr(module, "TILE", size)


@pytest.fixture(params=["numpy", "numba"])
def way(request, monkeypatch):
    """The array version and the kernel, shared among threads."""
    small_tiles(monkeypatch, TILE)
    with backends.using(request.param), always_threads():
        yield request.param


def gradients(function, *arrays, bits=64):
    with precision(bits):
        leaves = [Tensor(a.astype(f"float{bits}"), requires_grad=True) for a in arrays]
        out = function(*leaves)
        (out * np.random.default_rng(1).normal(size=out.shape)).sum().backward()
        return [out.numpy(), *(leaf.grad for leaf in leaves)]


def composed(q, k, v, mask=None, bias=None, scale=D**-0.5):
    scores = q @ k.swapaxes(-1, -2) * scale
    return ops.softmax(scores if bias is None else scores + bias, mask) @ v


def same(got, want, atol=1e-12):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def near(window, n_q=T, n_keys=S):
    """A window as a table."""
    left, right = (np.inf if bound is None else bound for bound in window)
    away = np.arange(n_keys) - np.arange(n_q)[:, None]
    return (away >= -left) & (away <= right)


@pytest.mark.parametrize("mask", MASKS)
def test_fused_is_composed_under_every_mask(mask, way):
    fused = gradients(lambda *a: ops.attention(*a, mask=MASKS[mask]), Q, K, V)
    same(fused, gradients(lambda *a: composed(*a, MASKS[mask]), Q, K, V))


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("scale", [None, 0.9])
def test_fused_is_composed_under_every_bias(bias, scale, way):
    fused = gradients(lambda *a: ops.attention(*a, CAUSAL, BIASES[bias], scale), Q, K, V)
    same(fused, gradients(lambda *a: composed(*a, CAUSAL, BIASES[bias], scale or D**-0.5), Q, K, V))


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_is_its_table(window, way):
    fused = gradients(lambda *a: ops.attention(*a, MASKS["keys"], window=window), Q, K, V)
    same(fused, gradients(lambda *a: composed(*a, MASKS["keys"] & near(window)), Q, K, V))


@pytest.mark.parametrize("heads", [1, H])
def test_a_radial_bias_is_its_table(heads, way):
    radial = RNG.normal(size=(heads, T + S - 1))
    bias = radial[:, S - 1 + np.arange(T)[:, None] - np.arange(S)]
    fused = gradients(lambda *a: ops.attention(*a, bias=BIASES["key"], radial=radial), Q, K, V)
    same(fused, gradients(lambda *a: composed(*a, None, bias + BIASES["key"]), Q, K, V))


@pytest.mark.parametrize("groups", [1, 2])
def test_heads_of_a_group_share_keys_and_values(groups, way):
    q = RNG.normal(size=(B, 4, T, D))
    shared = gradients(lambda *a: ops.attention(*a, window=(9, 2)), q, K[:, :groups], V[:, :groups])
    repeated = gradients(
        lambda q, *a: composed(q, *(ops.repeat_heads(x, 4 // groups) for x in a), near((9, 2))),
        q, K[:, :groups], V[:, :groups],
    )  # fmt: skip
    same(shared, repeated)


def test_empty_rows_are_zero_and_send_no_gradient(way):
    out, dq, dk, dv = gradients(lambda *a: ops.attention(*a, mask=CAUSAL), Q, K, V)
    assert not out[:, :, 3].any() and not dq[:, :, 3].any()
    for nothing in ({"bias": np.full(S, -np.inf)}, {"window": (-S, None)}):
        out, *grads = gradients(lambda *a, kw=nothing: ops.attention(*a, **kw), Q, K, V)
        assert not out.any() and not any(g.any() for g in grads)


def test_huge_scores_stay_finite(way):
    with precision(32):
        out = ops.attention(Q * 1e4, K, V, CAUSAL)
    assert out.dtype == np.float32 and np.isfinite(out.numpy()).all()
    with backends.using("numpy"):
        np.testing.assert_allclose(out.numpy(), ops.attention(Q * 1e4, K, V, CAUSAL).numpy(), atol=1e-5)


def test_scores_whose_weights_are_smaller_than_any_number(way):
    """exp(-80) .. exp(-110) fade out: no nan, no denormal numbers."""
    q, k = np.ones((1, 1, T, 1)), -np.linspace(80, 110, S)[None, None, :, None]
    k[0, 0, 0] = 0
    got = gradients(lambda *a: ops.attention(*a, scale=1.0), q, k, V[:1, :1], bits=32)
    assert all(np.isfinite(a).all() for a in got)
    np.testing.assert_allclose(got[0], np.broadcast_to(V[:1, :1, :1], got[0].shape), atol=1e-6)
    if way == "numba":  # processors are slow with denormal numbers
        assert not any(((a != 0) & (np.abs(a) < np.finfo("f").tiny)).any() for a in got)


@pytest.mark.parametrize("turned", [(1, 1, 1), (0, 0, 1), (1, 0, 0)])
def test_heads_as_they_come_from_a_projection(turned, way):
    """(B, T, H, d) with axes swapped is read where it lies; out then lies like v."""

    def swapped(*arrays):
        return ops.attention(*(a.swapaxes(1, 2) if t else a for a, t in zip(arrays, turned)), mask=CAUSAL)

    given = [np.ascontiguousarray(a.swapaxes(1, 2)) if t else a for a, t in zip((Q, K, V), turned)]
    out, *grads = gradients(swapped, *given)
    grads = [g.swapaxes(1, 2) if t else g for g, t in zip(grads, turned)]
    same([out, *grads], gradients(lambda *a: ops.attention(*a, mask=CAUSAL), Q, K, V))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*(st.integers(1, n) for n in (2, 2, 3, 2 * TILE + 9, 2 * TILE + 9, 9, 9))),
    window=st.tuples(*[st.none() | st.integers(-9, 99)] * 2),
    kinds=st.sets(st.sampled_from(["mask", "bias", "radial"])),
    seed=st.integers(0, 9),
)
def test_the_kernels_are_the_array_code_at_any_size(sizes, window, kinds, seed):
    b, groups, times, t, s, d, dv = sizes
    h, rng = groups * times, np.random.default_rng(seed)
    q, k, v = (rng.normal(size=(b, *rest)) for rest in ((h, t, d), (groups, s, d), (groups, s, dv)))
    made = {
        "mask": rng.random((b, 1, t, s)) < 0.5,
        "bias": rng.normal(size=(h, t, s)),
        "radial": rng.normal(size=(h, t + s - 1)),
    }
    extras = {kind: made[kind] for kind in kinds} | {"window": window}
    with backends.using("numpy"):
        want = gradients(lambda *a: ops.attention(*a, **extras), q, k, v)
    with backends.using("numba"), always_threads(), pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, TILE)
        out, *grads = gradients(lambda *a: ops.attention(*a, **extras), q, k, v, bits=32)
    np.testing.assert_allclose(out, want[0], atol=1e-5)
    same(grads, want[1:], atol=1e-4)


@pytest.mark.parametrize("heads", [1, H])
def test_the_number_of_threads_changes_no_more_than_rounding(heads, monkeypatch):
    small_tiles(monkeypatch, TILE)
    found, given = [], [a[:1, :heads] for a in (Q, K, V)]
    wanted = backends.threads()
    with backends.using("numba"), always_threads():
        for n in (1, 2, 3):
            backends.threads(n)
            monkeypatch.setattr(OP, "threads", lambda n=n: n)  # on one core too
            found.append(gradients(lambda *a: ops.attention(*a, window=(None, 5)), *given))
    backends.threads(wanted)
    same(found[1], found[0], atol=1e-13)
    same(found[2], found[0], atol=1e-13)


def test_tiles_as_plain_python_are_the_compiled_ones(monkeypatch):
    few = Q[:1, :2, :11], K[:1, :1, :13], V[:1, :1, :13]
    extras = CAUSAL[:11, S - T - 3 : S - T + 10], BIASES["all"][0, :2, :11, :13]
    rules = {"window": (8, 3), "radial": RNG.normal(size=(2, 23))}
    with backends.using("numba"):
        compiled = gradients(lambda *a: ops.attention(*a, *extras, **rules), *few)
        small_tiles(monkeypatch, 4)  # many small tiles; the compiled body keeps its 64
        with backends.without_compiler():
            same(gradients(lambda *a: ops.attention(*a, *extras, **rules), *few), compiled)


@pytest.mark.parametrize("kind", ["plain", "window", "tables"])
def test_two_halves_of_the_keys_merge_by_their_lse_into_the_whole(kind, way):
    n, tables = TILE + 9, {"mask": CAUSAL, "bias": BIASES["all"]}
    given = {"plain": {}, "window": {"window": (None, 0)}, "tables": tables}[kind]
    parts = []
    for here, shift in ((slice(0, n), 0), (slice(n, S), n)):
        some = {name: extra[..., here] for name, extra in given.items() if name != "window"}
        some["window"] = (None, None if "window" not in given else -shift)
        parts.append(ops.attention_and_lse(Q, K[:, :, here], V[:, :, here], **some))
    shares = ops.softmax(np.stack([lse.numpy() for _, lse in parts]), axis=0).numpy()
    merged = sum(share[..., None] * out.numpy() for share, (out, _) in zip(shares, parts))
    whole, lse = ops.attention_and_lse(Q, K, V, **given)
    assert not whole.requires_grad
    np.testing.assert_allclose(merged, whole.numpy(), atol=1e-5)
    np.testing.assert_allclose(ops.attention(Q, K, V, **given).numpy(), whole.numpy(), atol=1e-6)
    total = np.logaddexp(*(lse.numpy() for _, lse in parts))
    np.testing.assert_allclose(total, lse.numpy(), atol=1e-5)


def test_lse_of_a_query_without_keys_is_minus_infinity(way):
    for *arrays, mask in ((Q, K, V, CAUSAL), (Q, K[:, :, :0], V[:, :, :0], None)):
        out, lse = ops.attention_and_lse(*arrays, mask=mask)
        assert lse.shape == (B, H, T) and (lse.numpy()[:, :, 3] == -np.inf).all()
        assert not np.isnan(lse.numpy()).any() and not out.numpy()[:, :, 3].any()


MEMORY = """
import resource, sys
import numpy as np
import minattn
from minattn.autodiff import Tensor, ops
minattn.use("numba")
for n in (512, int(sys.argv[1])):
    x = Tensor(np.ones((1, 1, n, 16), np.float32), requires_grad=True)
    ops.attention(x, x, x, window=(None, 0), radial=np.zeros((1, 2 * n - 1))).sum().backward()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_grows_linearly_with_the_length():
    if not COMPILED:
        return  # half a minute of plain Python
    n = 8192
    run = subprocess.run([sys.executable, "-c", MEMORY, str(n)], capture_output=True, text=True, check=True)
    before, after = (int(line) * 1024 for line in run.stdout.split())
    assert after - before < n * n * 4 / 10, "a tenth of one table of float32 scores"


def test_a_call_is_differentiated_by_the_backend_that_made_it():
    x = Tensor(Q, requires_grad=True)
    with backends.using("numba"):
        out = ops.attention(x, x, x).sum()
    with backends.using("numpy"):
        out.backward()
        y = Tensor(Q, requires_grad=True)
        other = ops.attention(y, y, y).sum()
    with backends.using("numba"):
        other.backward()
    np.testing.assert_allclose(x.grad, y.grad, atol=1e-4)


def test_errors():
    with no_grad():
        for bad in (
            (Q[0], K, V),
            (Q[..., 1:], K, V),
            (Q, K[:, :, 1:], V),
            (Q, K[:, :2], V[:, :2]),
            (Q[:1], K, V),
        ):
            with pytest.raises(ShapeError, match=r"q \(B, H, T, d\)"):
                ops.attention(*bad)
        with pytest.raises(ShapeError, match="mask that broadcasts"):
            ops.attention(Q, K, V, np.ones((B, S), dtype=bool))
        with pytest.raises(ShapeError, match="bias that broadcasts"):
            ops.attention(Q, K, V, bias=np.ones((1, 1, 1, T, S)))
        with pytest.raises(ShapeError, match=r"radial \(H or 1, T \+ S - 1\)"):
            ops.attention(Q, K, V, radial=np.ones((H, T)))
        with pytest.raises(ArgumentError, match=r"window \(left, right\)"):
            ops.attention(Q, K, V, window=3)
        with pytest.raises(DTypeError, match="boolean mask"):
            ops.attention(Q, K, V, np.ones((T, S)))
        for name, shape in (("bias", S), ("radial", (1, T + S - 1))):
            with pytest.raises(ArgumentError, match="without gradient"):
                ops.attention(Q, K, V, **{name: Tensor(np.zeros(shape), requires_grad=True)})
