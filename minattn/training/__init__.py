"""6. Training: the loop, how fast to go, and how to stop and go on.

loop, history    fit, and what it leaves behind
schedules        warm-up, cosine, linear, inverse square root
checkpoints      a run in one file
study            arms compared fairly
crossbatch       the contexts of other documents as distraction
"""

from . import checkpoints, schedules
from .checkpoints import load_model
from .crossbatch import crossbatch
from .history import History
from .loop import fit
from .study import Arm, Study, study

__all__ = ["Arm", "History", "Study", "checkpoints", "crossbatch", "fit", "load_model", "schedules", "study"]
