"""How exactly a GPU multiplies matrices: float32, tf32 or bf16, and only where somebody asked for less.

A tensor core multiplies numbers of few digits and adds the products in float32. What it reads is

    float32   1 sign, 8 exponent, 23 fraction bits: no tensor core; the default
    tf32      1 sign, 8 exponent, 10 fraction bits: each number is off by up to 2^-10 of itself
    bf16      1 sign, 8 exponent,  7 fraction bits: each number is off by up to 2^-8 of itself

so a product x y is off by about twice that share of |x| |y|. Arrays stay float32 in all three: only the two
factors of a matrix product are rounded, on their way in. Everything else is computed in float32 as before.
"""

from contextlib import contextmanager

from ..errors import ArgumentError
from . import select

NAMES = ("float32", "tf32", "bf16")
_chosen = "float32"


def matmul_precision(name=None):
    """How exactly the backend "cupy" multiplies float32 matrices; sets it where `name` is given.

    name   "float32" (exact to rounding, the default), "tf32" or "bf16": see the module's docstring
    Other backends always multiply in the precision of their arrays. Raises ArgumentError for an unknown
    name, for tf32 or bf16 while another backend is in use, and on a card without tensor cores for them.

        >>> matmul_precision()
        'float32'
    """
    global _chosen
    if name is not None:
        _check(name)
        _chosen = name
    return _chosen


@contextmanager
def multiplying(name):
    """Multiply matrices in precision `name` inside a `with` block, then as before; see matmul_precision."""
    global _chosen
    former = _chosen
    matmul_precision(name)
    try:
        yield
    finally:
        _chosen = former


def _check(name):
    where = f"matmul_precision({name!r})"
    if name not in NAMES:
        raise ArgumentError(where, expected=", ".join(map(repr, NAMES)), got=repr(name), hint='"float32"')
    if name == "float32":
        return
    if select.current() != "cupy":
        raise ArgumentError(
            where,
            expected='the backend "cupy": only a GPU multiplies numbers of fewer digits',
            got=f'the backend "{select.current()}"',
            hint='use("cupy") first, or matmul_precision("float32")',
        )
    found = select.xp.cuda.Device().compute_capability
    if int(found) < 80:
        raise ArgumentError(
            where,
            expected="a card of compute capability 8.0 or more (Ampere, 2020, or newer)",
            got=f"compute capability {found[:-1]}.{found[-1]}",
            hint='matmul_precision("float32")',
        )
