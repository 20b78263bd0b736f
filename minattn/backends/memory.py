"""Keep the memory of arrays that were freed, for the next ones.

A training step makes and frees the same arrays each time. The C library gives large ones back to the
system at once, and the system hands out every page anew, filled with zeros: a third of a small step went
there. With glibc, two limits say from which size on that happens.
"""

import ctypes
import functools
import sys

TRIM, MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
SIZES = (1 << 30, 1 << 25)  # bytes; some builds of glibc refuse more than the second


@functools.cache
def keep_freed_memory():
    """Ask for it, once a process; False where the C library has no such limits.

    The process then holds on to what it once needed, and uses it again; it does not need more.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        limit = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return all(any(limit(which, size) == 1 for size in SIZES) for which in (TRIM, MMAP))
