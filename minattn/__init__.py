"""minattn: learn attention by building it.

Reading order
  1  backends     whose arrays, whose compiler
  2  autodiff     numbers that remember how they were made
  3  nn           layers with parameters
  4  attention    THE anatomy: attention as a straight run of steps, one mechanism a slot
  5  models       translators, language models, transformers
  6  training     the loop, schedules, checkpoints;  interpret: what a trained model relies on
  7  papers       one paper a file: mechanism, rival, claim, picture;  compare: mixers side by side
  8  grading      exercises checked against the truth
  9  lessons/     the notebooks (`minattn learn`)
Beside them, on plain NumPy: worlds (data whose truth is known), metrics, decoding, plots.
"""

import importlib

from .backends import asnumpy, current, use, using, xp
from .errors import MinattnError

__version__ = "0.1.0"

_packages = {
    "attention", "autodiff", "backends", "compare", "decoding", "grading", "interpret", "metrics", "models",
    "nn", "papers", "plots", "training", "worlds",
}  # fmt: skip
_names = {name: "autodiff" for name in ("Tensor", "gradcheck", "no_grad", "ops", "precision", "tensor")}

__all__ = ["MinattnError", "asnumpy", "current", "use", "using", "xp", *sorted(_names), *sorted(_packages)]


def __getattr__(name):
    """Import packages when they are first asked for: `import minattn` stays quick."""
    if name in _packages:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _names:
        return getattr(importlib.import_module(f"{__name__}.{_names[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_packages, *_names})
