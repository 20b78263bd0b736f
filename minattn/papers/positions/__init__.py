"""Positions: what tells tokens apart by their place.

cope   count what matters instead of every token
bam    a prior over distances, whose shape each head learns
"""
