"""Linear-time mixers: a state of fixed size replaces score..gather, in three equal forms.

LinearMixer   the page; what goes into its slots:
feature       Each (of elu_plus_one, unit_silu), Taylor
decay         FixedDecay, DecayGate
update        Add, Delta
normaliser    Unnormalised, SumOfWeights, UnitRMS
gate          OutputGate
"""

from .decay import DecayGate, FixedDecay, retention_rates
from .feature_map import Each, elu_plus_one, unit_silu
from .gate import OutputGate
from .mixer import LinearMixer
from .normaliser import SumOfWeights, UnitRMS, Unnormalised
from .taylor import Taylor
from .update import Add, Delta

__all__ = [
    "Add", "DecayGate", "Delta", "Each", "FixedDecay", "LinearMixer", "OutputGate", "SumOfWeights", "Taylor",
    "UnitRMS", "Unnormalised", "elu_plus_one", "retention_rates", "unit_silu",
]  # fmt: skip
