"""Mixers: whole token mixers, one a file, that swap into the same block by name.

A file defines `make(d_model, n_heads, *, rng) -> Mixer`; its name is the mixer's name. `registry()` walks
this folder, so that no list of names is kept by hand. `load("mine.py:MyMixer")` takes a class or function
of yours that is called in the same way. Parallel and Sequential make one mixer of several.
"""

import difflib
import importlib
import importlib.util
import pkgutil
from pathlib import Path

from ...errors import ArgumentError
from .base import Mixer
from .join import Average, Concat, Gate, Sum
from .parallel import Parallel
from .sequential import Sequential
from .softmax import SoftmaxMixer

__all__ = [
    "Average", "Concat", "Gate", "Mixer", "Parallel", "Sequential", "SoftmaxMixer", "Sum", "load", "registry",
]  # fmt: skip


def registry():
    """{name: make} of every mixer in this folder; a name has dashes where its file has underscores."""
    names = [info.name for info in pkgutil.iter_modules(__path__)]
    found = {name: importlib.import_module(f"minattn.attention.mixers.{name}") for name in names}
    return {name.replace("_", "-"): file.make for name, file in found.items() if hasattr(file, "make")}


def load(name):
    """The function `make` of a mixer: a name of the registry, or "file.py:Name" for one of yours.

    Raises ArgumentError where there is no such name, file or object.
    """
    known = registry()
    if name in known:
        return known[name]
    path, _, member = str(name).rpartition(":")
    if not path.endswith(".py"):
        raise ArgumentError(
            f"mixer {name!r}",
            expected=f"one of {', '.join(known)}, or a file of yours as file.py:Name",
            got=name,
            hint=(difflib.get_close_matches(str(name), known, n=1) or ["softmax"])[0],
        )
    if not Path(path).is_file():
        raise ArgumentError(
            f"mixer {name!r}", expected="a file of yours", got=f"no file {path}", hint="its path from here"
        )
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ArgumentError(
            f"mixer {name!r}",
            expected=f"a file that can be imported, {path}",
            got=f"{type(error).__name__}: {error}",
            hint=f"python {path}",
        ) from error
    if not callable(getattr(module, member, None)):
        raise ArgumentError(
            f"mixer {name!r}",
            expected=f"a class or function {member} in {path}, called with (d_model, n_heads, rng=...)",
            got="nothing of that name",
            hint=f"class {member}(minattn.attention.mixers.Mixer): ...",
        )
    return getattr(module, member)
