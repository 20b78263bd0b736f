"""Freed memory stays with the process: new arrays come without page faults."""

import subprocess
import sys

from minattn.backends.memory import keep_freed_memory

COUNT = """
import resource, sys
import numpy as np
from minattn import backends
if {choose}:
    backends.use("numpy")
def arrays():
    return [np.ones(1 << 18) for _ in range(8)]  # 2 MB each, as in a training step
for _ in range(3):
    arrays()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    arrays()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(choose):
    code = COUNT.format(choose=choose)
    return int(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )


def test_the_second_step_takes_no_new_pages_where_the_c_library_can_keep_them():
    assert faults(choose=False) > 2000  # 40,960 pages of 4 KB are filled
    assert (faults(choose=True) < 200) == keep_freed_memory()
