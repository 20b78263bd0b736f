"""Numba's kernel cache: where it lies, whether it can be read, and how to fill it ahead of time."""

import importlib.metadata
import importlib.util
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cache:
    """The files that Numba keeps for the kernels of minattn.

    broken     cannot be read: Numba would stop there
    outdated   indexes of kernels that call one of another file, changed since then, which Numba does not see
    """

    folders: tuple
    indexes: tuple
    size: int
    broken: tuple
    outdated: tuple = ()

    def clear(self):
        """Delete broken and outdated files; Numba compiles those kernels again."""
        for path in {*self.broken, *self.outdated}:
            path.unlink(missing_ok=True)


def kernels():
    """Every kernel that minattn's modules define."""
    from .. import autodiff, models, nn  # noqa: F401 - their import defines the kernels
    from ..backends import Kernel

    modules = [module for name, module in list(sys.modules.items()) if name.startswith("minattn.")]
    return list(dict.fromkeys(v for m in modules for v in vars(m).values() if isinstance(v, Kernel)))


def cache_folders():
    """The folders in which Numba keeps those kernels. RuntimeError where it finds none that it may write."""
    return {Path(kernel.compiled().stats.cache_path) for kernel in kernels()}


def called_by(kernel):
    """The kernels that a kernel calls, directly or through others."""
    found, waiting = [], [kernel]
    while waiting:
        body = waiting.pop().body
        named = (body.__globals__.get(name) for name in body.__code__.co_names)
        new = [k for k in named if isinstance(k, type(kernel)) and k not in found]
        found += new
        waiting += new
    return found


def outdated():
    """Indexes that are older than the file of a kernel that theirs calls."""
    for kernel in kernels():
        code, folder = kernel.body.__code__, Path(kernel.compiled().stats.cache_path)
        files = {Path(called.body.__code__.co_filename) for called in called_by(kernel)}
        changed = max((file.stat().st_mtime for file in files), default=0)
        for index in folder.glob(f"*.{kernel.__name__}*-{code.co_firstlineno}.py*.nbi"):
            if index.stat().st_mtime < changed:
                yield index


def inspect(folders, outdated=()):
    """The state of the cache in `folders`, as a Cache."""
    indexes, data, broken = [], [], []
    for folder in sorted(folders):
        indexes += sorted(folder.glob("*.nbi"))
        data += sorted(folder.glob("*.nbc"))
    for path in indexes:
        if not _index_loads(path):
            broken.append(path)
    broken += [path for path in data if not _loads(path)]
    size = sum(path.stat().st_size for path in indexes + data)
    return Cache(tuple(sorted(folders)), tuple(indexes), size, tuple(broken), tuple(outdated))


def _index_loads(path):
    """An index is two pickles: Numba's version, and for that version alone the table of compiled forms."""
    try:
        with path.open("rb") as file:
            return pickle.load(file) != importlib.metadata.version("numba") or bool(pickle.load(file))
    except Exception:  # a damaged pickle may raise anything
        return False


def _loads(path):
    try:
        pickle.loads(path.read_bytes())
    except Exception:
        return False
    return True


def warm():
    """Compile every kernel, for one thread and for many; yields (done, all, name) before each.

    Runs each primitive on its samples, then one training step and one decoded token of a small model.
    Raises BackendMissing without Numba.
    """
    import numpy as np

    from ..autodiff import PRIMITIVES
    from ..backends import using
    from ..backends.compile import always_threads

    with using("numba"):
        todo = [(p.name, p) for p in PRIMITIVES.values() if "numba" in {*p.kernels, *p.vjp_kernels}]
        for done, (name, primitive) in enumerate(todo):
            yield done, len(todo) + 1, name
            for args, static in primitive.draw_samples(np.random.default_rng(0)):
                _both_ways(primitive, args, static)
                with always_threads():
                    _both_ways(primitive, args, static)
        yield len(todo), len(todo) + 1, "a training step"
        small_step()
        small_step(d_model=128, length=64)  # large enough for the kernels that leave small arrays to NumPy
        with always_threads():
            small_step()


def small_step(d_model=8, length=3):
    """One training step of a small model with everything that a step may use, and one decoded token."""
    import numpy as np

    from ..models import gpt
    from ..nn import optim

    model = gpt(7, d_model=d_model, n_heads=2, n_layers=1, rng=np.random.default_rng(0))
    optimiser = optim.AdamW(model.parameters(), lr=1e-3)
    model.loss(np.arange(8 * length).reshape(8, length) % 7).backward()
    optim.clip_grad_norm(optimiser.parameters, 1.0)
    optimiser.step()
    model.stepper()(np.array([[1]]))


def _both_ways(primitive, args, static):
    import numpy as np

    from ..autodiff import Tensor

    def follow(value):
        floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return Tensor(value, requires_grad=True) if floats else value

    out = primitive(*map(follow, args), **static)
    if out.node is not None:
        primitive.gradients(np.ones_like(out.data), out.data, out.node)


def numba_missing():
    """True where Numba is not installed."""
    return importlib.util.find_spec("numba") is None
