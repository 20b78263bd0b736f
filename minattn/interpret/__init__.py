"""6. What a trained model relies on: switch parts off, or ask the gradient what switching off would do.

gates        switches in front of a linear layer: heads, neurons, whole blocks
importance   which heads matter: by their gradient, by ablation
prune        switch off what does not matter, or what harms; take pruned heads out for good
"""

from .gates import Gated, gate_heads, gate_neurons, ungate
from .importance import ablate, alone, head_importance
from .prune import Element, Tried, greedy_prune, multiplications, ranked, remove_heads, switch_off

__all__ = [
    "Element", "Gated", "Tried", "ablate", "alone", "gate_heads", "gate_neurons", "greedy_prune",
    "head_importance", "multiplications", "ranked", "remove_heads", "switch_off", "ungate",
]  # fmt: skip
