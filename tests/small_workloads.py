"""The benchmark's workloads with lengths that take no time."""

from minattn.bench.workloads import WORKLOADS

LENGTHS = {"B": 2, "H": 3, "T": 7, "d": 5, "V": 11, "L": 2, "d_model": 12, "n": 5}


def small(name):
    """The workload of that name, short; one sentence where it decodes, whole pieces in linear attention."""
    workload = WORKLOADS[name]
    short = {which: LENGTHS[which] for which in workload.size if which in LENGTHS}
    other = {"decoding": {"B": 1}, "linear_attention": {"T": 128}}
    return workload.resized(**short | other.get(workload.kind, {}))
