"""Who takes part: minattn on each backend, and the other libraries that are installed."""

import importlib.metadata
import importlib.util
import platform
import shutil
from dataclasses import dataclass, field

from .. import backends

EVERYTHING = ("attention", "linear_attention", "training", "decoding", "recurrent")


@dataclass(frozen=True)
class Contender:
    """A library with its settings.

    name        what tables call it
    module      the file of builders, relative to this package
    needs       the packages that must be installed
    kinds       the workloads that it has builders for
    options     given to the `prepare` of its module
    device      "cpu", or "gpu" with the precision of its products: ratios compare what is alike in that
    tolerance   how far its results may lie from the first contender's, relative to their size
    squares     whether it keeps whole (T, T) matrices: it then stays out of the longest sequences
    """

    name: str
    module: str
    needs: tuple = ()
    kinds: tuple = EVERYTHING
    options: dict = field(default_factory=dict)
    device: str = "cpu"
    tolerance: float = 1e-3
    squares: bool = False


def _ours(backend, needs=(), device="cpu", precision="float32", **more):
    options = {"backend": backend} | ({"precision": precision} if backend == "cupy" else {})
    return Contender(
        f"minattn {backend}{NAMED[precision]}", "ours", needs, options=options, device=device, **more
    )


def _torch(name, kinds=EVERYTHING, **options):
    return Contender(name, "peers.pytorch", ("torch",), kinds, options)


def _cuda(name, device, tolerance=1e-3, kinds=EVERYTHING, **options):
    options = {"device": "cuda", **options}
    return Contender(name, "peers.pytorch", ("torch",), kinds, options, device, tolerance)


NAMED = {"float32": "", "tf32": " tf32", "bf16": " bf16"}
COMPOSED = ("linear_attention", "training", "decoding")  # what a compiler can fuse
CONTENDERS = {
    c.name: c
    for c in (
        _ours("numpy", squares=True),
        _ours("numba", ("numba", "scipy")),
        _ours("cupy", ("cupy",), "gpu"),
        _ours("cupy", ("cupy",), "gpu tf32", "tf32", tolerance=5e-3),
        _ours("cupy", ("cupy",), "gpu bf16", "bf16", tolerance=5e-2),
        _torch("torch"),
        _torch("torch compile", COMPOSED, compile=True),
        Contender("jax", "peers.with_jax", ("jax",), squares=True),
        Contender("autograd", "peers.with_autograd", ("autograd",), ("attention",), squares=True),
        Contender("tinygrad", "peers.with_tinygrad", ("tinygrad",), ("attention",), squares=True),
        _cuda("torch cuda", "gpu"),
        _cuda("torch cuda compile", "gpu", kinds=COMPOSED, compile=True),
        _cuda("torch cuda tf32", "gpu tf32", 5e-3, precision="tf32"),
        _cuda("torch cuda bf16", "gpu bf16", 5e-2, precision="bf16"),
    )
}
PAIRS = {c.name: c.device for c in CONTENDERS.values() if c.module == "ours" and c.name != "minattn numpy"}
OURS, QUICK = "minattn numba", ("minattn numpy", "minattn numba", "torch")


def present(kind, names=None):
    """The contenders for a kind of workload whose packages and device are here, in their order."""
    return [
        c for c in CONTENDERS.values() if kind in c.kinds and c.name in (names or CONTENDERS) and _here(c)
    ]


def _here(contender):
    device = contender.device == "cpu" or shutil.which("nvidia-smi")
    return device and all(importlib.util.find_spec(name) for name in contender.needs)


def about(contender, threads):
    """What a reader must know of this process: versions, threads, and the BLAS kernels that were chosen."""
    facts = backends.report()
    packages = ("minattn", "numpy", *contender.needs)
    return {
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "options": contender.options,
        "threads": threads,
        "pools": pools(),
        "gpu": facts["gpu"] if contender.device != "cpu" else None,
    }


def pools():
    """A line for each pool of threads in this process; of a BLAS also the kernels that it chose."""
    from threadpoolctl import threadpool_info

    lines = []
    for pool in threadpool_info():
        parts = (pool["internal_api"], pool.get("version"), pool.get("architecture"))
        lines.append(" ".join(filter(None, parts)) + f", {pool['num_threads']} threads")
    return lines
