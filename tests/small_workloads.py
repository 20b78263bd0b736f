"""The benchmark's workloads with lengths that take no time."""

from minattn.bench.workloads import WORKLOADS

LENGTHS = {"B": 2, "H": 3, "T": 7, "d": 5, "V": 11, "L": 2, "d_model": 12, "n": 5}


def small(name):
    """The workload of that name with short lengths; one sentence where it decodes."""
    workload = WORKLOADS[name]
    short = {which: LENGTHS[which] for which in workload.size if which in LENGTHS}
    return workload.resized(**short | ({"B": 1} if workload.kind == "decoding" else {}))
