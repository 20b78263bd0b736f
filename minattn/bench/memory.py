"""How much memory a call needs at its worst moment, from what Linux says of a process."""

import ctypes
import gc
import re
from pathlib import Path

from ..errors import BackendMissing

SELF = Path("/proc/self")


def most_needed(call):
    """Bytes of the highest mark during `call` above what the process held before it.

    Raises BackendMissing where the system does not tell.
    """
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed and kept for later would hide a part of the need
        (SELF / "clear_refs").write_text("5")  # the highest mark starts again from here
        before = held("VmRSS")
        call()
        return max(0, held("VmHWM") - before)
    except (OSError, AttributeError) as cause:
        raise BackendMissing(
            "bench, memory",
            expected="Linux with glibc, which tells VmHWM",
            got=cause,
            hint="leave --memory out",
        ) from cause


def held(mark):
    """A figure of /proc/self/status in bytes."""
    return 1024 * int(re.search(rf"{mark}:\s+(\d+) kB", (SELF / "status").read_text())[1])
