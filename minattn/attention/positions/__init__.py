"""positions: what tells tokens apart by their place. Each may embed, rotate, bias or gather."""

from .alibi import ALiBi
from .base import Position
from .cope import CoPE
from .distance import DistanceBias
from .ggd_prior import GGDPrior, ShiftedGGDPrior
from .learned import LearnedPositions
from .lrpe import LRPE
from .relations import Relations, RelativeSymbols
from .relative import Relative
from .rotary import Rotary
from .sinusoidal import Sinusoidal

__all__ = [
    "ALiBi", "CoPE", "DistanceBias", "GGDPrior", "LRPE", "LearnedPositions", "Position", "Relations",
    "Relative", "RelativeSymbols", "Rotary", "ShiftedGGDPrior", "Sinusoidal",
]  # fmt: skip
