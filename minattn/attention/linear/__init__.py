"""Linear-time mixers: a state of fixed size replaces score..gather, in three equal forms.

LinearMixer   the page; LinearEncoder sees all tokens. What goes into its slots:
feature       Each (of elu_plus_one, unit_silu), Taylor, LogNormal; before it Standardised, CentredByLongest
decay         FixedDecay (of retention_rates, layer_rates), DecayGate
update        Add, Delta
normaliser    Unnormalised, SumOfWeights, UnitRMS
gate          OutputGate
"""

from .decay import DecayGate, FixedDecay, layer_rates, published_rates, retention_rates
from .encoder import LinearEncoder
from .feature_map import Each, elu_plus_one, unit_silu
from .gate import OutputGate
from .log_normal import LogNormal, calibrate
from .mixer import LinearMixer
from .normaliser import SumOfWeights, UnitRMS, Unnormalised
from .scaling import CentredByLongest, Standardised
from .taylor import Taylor
from .update import Add, Delta

__all__ = [
    "Add", "CentredByLongest", "DecayGate", "Delta", "Each", "FixedDecay", "LinearEncoder", "LinearMixer",
    "LogNormal", "OutputGate", "Standardised", "SumOfWeights", "Taylor", "UnitRMS", "Unnormalised",
    "calibrate", "elu_plus_one", "layer_rates", "published_rates", "retention_rates", "unit_silu",
]  # fmt: skip
