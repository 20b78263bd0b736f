"""Exercises of the lesson on translation with additive attention."""

AFTER = "recurrent-networks"
