"""A kernel is an ordinary Python function until a backend compiles it.

`@jit` marks the body. Called, it is compiled by Numba at its first call (the machine code is cached
on disk), or runs as plain Python where Numba is missing or inside `without_compiler()`: so a learner
can step through it with a debugger, and its arithmetic can be tested without Numba.
A parallel kernel has two compiled forms: one for a pool of threads, one for the calling thread alone.

Numba compiles a cached kernel again when its own file has changed, not when a kernel that it calls
from another file has: after an edit there, delete the `__pycache__` folders (or NUMBA_CACHE_DIR).
"""

import importlib.util
import os
import types
from contextlib import contextmanager

from ..errors import BackendMissing
from .threads import claim, give_back
from .waiting import choose_waiting

SMALL = 1 << 16  # numbers in the largest array; below, waking threads costs more than they save
PRANGE_ONLY = {"prange": True} | dict.fromkeys(
    ("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion"), False
)
prange = range  # Numba's parallel range once compiled
_interpret = False


class Kernel:
    """A function body and, from its first call on, its compiled form."""

    def __init__(self, body, *, parallel=False, **options):
        self.body, self.parallel, self.options = body, parallel, options
        self.__name__, self.__doc__, self.__wrapped__ = body.__name__, body.__doc__, body
        self._compiled, self._threaded = None, None

    def __call__(self, *args):
        if _interpret or (self._compiled is None and os.environ.get("MINATTN_NO_JIT")):
            return self.body(*args)
        if not self.parallel or max(getattr(a, "size", 0) for a in args) < SMALL:
            return self.compiled()(*args)
        count = claim()
        if count == 1:
            return self.compiled()(*args)
        try:
            return self._with_threads(count)(*args)
        finally:
            give_back()

    def _with_threads(self, count):
        import numba

        choose_waiting()
        if self._threaded is None:
            self._threaded = self._translated(parallel=True)
        numba.set_num_threads(count)
        return self._threaded

    def compiled(self):
        """The Numba dispatcher of this body on one thread (made at first use, cached on disk)."""
        if self._compiled is None:
            self._compiled = self._translated(parallel=False)
        return self._compiled

    def _translated(self, parallel):
        if importlib.util.find_spec("numba") is None:
            raise BackendMissing(
                f"kernel {self.__name__}",
                expected="the package numba",
                got="no module named numba",
                hint='pip install -e ".[numba]", or backends.without_compiler()',
            )
        import numba

        # A compiled body can only call compiled bodies: swap the names that it refers to.
        scope = dict(self.body.__globals__)
        for name in self.body.__code__.co_names:
            if isinstance(scope.get(name), Kernel):
                scope[name] = scope[name].compiled()
        if scope.get("prange") is range:
            scope["prange"] = numba.prange if parallel else range
        body = types.FunctionType(self.body.__code__, scope, self.body.__name__, self.body.__defaults__)
        body.__module__, body.__qualname__ = self.body.__module__, self.body.__qualname__
        if parallel:  # another name, so that the two forms do not share a file of machine code
            body.__qualname__ += "_threads"
        return numba.njit(body, parallel=PRANGE_ONLY if parallel else False, **self.options)


def jit(body=None, *, parallel=False, fastmath=False):
    """Mark a kernel body for compilation at its first call.

    parallel   let `prange` loops run on several threads, where the arrays are large enough; the turns of such
               a loop may not depend on the number of threads, nor add to the same number
    fastmath   let sums run in any order, so that they become vector instructions; inf and nan stay honest
    A product and the sum after it are always fused where the processor can: one rounding instead of two.
    """

    def mark(function):
        flags = {"contract", "reassoc", "arcp", "nsz"} if fastmath else {"contract"}
        return Kernel(
            function, cache=True, nogil=True, parallel=parallel, fastmath=flags, error_model="numpy"
        )

    return mark if body is None else mark(body)


@contextmanager
def always_threads():
    """Share every parallel kernel among threads inside a `with` block, however small its arrays are."""
    global SMALL
    former, SMALL = SMALL, 0
    try:
        yield
    finally:
        SMALL = former


@contextmanager
def without_compiler():
    """Run every kernel body as plain Python inside a `with` block."""
    global _interpret
    former, _interpret = _interpret, True
    try:
        yield
    finally:
        _interpret = former
