"""How many threads the matrix products of NumPy may use.

Two threads that meet after every small product wait longer than they work, most of all on a machine with
other work: products of 48 x 64 by 64 x 192 took 430 us with two threads and 20 us with one there.
"""

from contextlib import contextmanager


@contextmanager
def blas_threads(limit):
    """Let BLAS use at most `limit` threads inside a `with` block (None: as many as before)."""
    if limit is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=limit, user_api="blas"):
        yield
