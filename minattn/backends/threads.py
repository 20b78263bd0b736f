"""Who owns the processor's cores: one pool of threads at a time.

With the numba backend, the kernels' threads share out the work and every BLAS multiplies matrices on the
thread that called it. Two pools that take turns are far slower: the threads of each go on waiting, awake,
for their next piece while the other pool works. With the other backends BLAS keeps its own threads.

Two threads that meet after every small product wait longer than they work, most of all on a machine with
other work: products of 48 x 64 by 64 x 192 took 430 us with two threads and 20 us with one there.
"""

import functools
import os
import threading
from contextlib import contextmanager

from ..errors import ArgumentError

_wanted = None  # None: the variable MINATTN_THREADS, else every core
_held = None  # the limits of BLAS to go back to
_busy = threading.Lock()  # one kernel at a time may use the pool: not every pool can serve two
_forked = False  # a child process has a copy of the pool's memory, but none of its threads


def threads(n=None):
    """How many threads the numba backend's kernels share their work among; sets it where n is given.

    n   1 or more; at first the variable MINATTN_THREADS, else the cores that this process may use
    Results depend on it by no more than rounding. Raises ArgumentError.
    """
    global _wanted
    if n is not None:
        _wanted = _counted(n, "threads(n)")
    if _wanted is None and os.environ.get("MINATTN_THREADS"):
        _wanted = _counted(os.environ["MINATTN_THREADS"], "the variable MINATTN_THREADS")
    return min(_cores(), _wanted or _cores())


def _counted(n, where):
    text = str(n)
    if isinstance(n, bool) or not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ArgumentError(where, expected="a whole number of threads, 1 or more", got=n, hint="2")
    return int(text)


@functools.cache
def _cores():
    """The size of Numba's pool; what it would be where Numba is not loaded yet."""
    text = os.environ.get("NUMBA_NUM_THREADS", "")
    if text.isdigit() and int(text) >= 1:
        return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def claim():
    """Take the pool for one kernel and return its number of threads; 1 where it is not to be had.

    After more than 1, `give_back` must follow. 1 in a forked child, and while another thread has the pool.
    """
    count = threads()
    return count if count > 1 and not _forked and _busy.acquire(blocking=False) else 1


def give_back():
    """Let the next kernel have the pool."""
    _busy.release()


def _after_fork():
    global _forked, _busy
    _forked, _busy = True, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@functools.cache
def _libraries():
    """Every BLAS of the process: NumPy's, and SciPy's, which kernels call."""
    import scipy.linalg.cython_blas  # noqa: F401 - loads the library
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def own_cores(kernels):
    """Give the cores to the kernels (True) or back to BLAS (False)."""
    global _held
    if kernels and _held is None:
        _held = _libraries().limit(limits=1, user_api="blas")
    elif not kernels and _held is not None:
        _held.restore_original_limits()
        _held = None


@contextmanager
def blas_threads(limit):
    """Let BLAS use at most `limit` threads inside a `with` block (None: as many as before)."""
    if limit is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=limit, user_api="blas"):
        yield
