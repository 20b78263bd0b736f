"""How time and memory grow with the length of the sequence: 128 tokens, doubled six times."""

from . import contenders
from .race import Out, Process
from .workloads import WORKLOADS

LENGTHS = tuple(128 << i for i in range(7))
WARM = 1024
LONGEST_SQUARES = 4096  # whole (T, T) matrices of 8 heads take 0.5 GB there, 2 GB at the next length
SHAPES = {"attention": WORKLOADS["attention-4096"], "linear-attention": WORKLOADS["linear-attention"]}
NAMES = ("minattn numpy", "minattn numba", "torch", "jax")


def rivals(name, length):
    """Who takes part in "attention" or "linear-attention" at a length."""
    squares = name == "attention" and length > LONGEST_SQUARES
    return [c for c in contenders.present(SHAPES[name].kind, NAMES) if not (squares and c.squares)]


def memory(workload, rivals, threads, tell=lambda text, steps=0: None):
    """{"MB": {contender: its need}, "absent": {contender: why}} of forward and backward.

    Each in a new process that has done the same at WARM tokens, so that its code is loaded; the need is the
    highest mark during the first step at the full length above what was held before it, inputs included.
    """
    needs, absent = {}, {}
    for contender in rivals:
        tell(f"memory, T = {workload.size['T']}: {contender.name}")
        try:
            with Process(contender, threads) as process:
                process.build(workload.resized(T=WARM))
                needs[contender.name] = process.memory(workload) / 1e6
        except Out as out:
            absent[contender.name] = out.got
        tell("", 1)
    return {"MB": needs, "absent": absent}
