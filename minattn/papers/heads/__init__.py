"""Heads: how many there are, what they share, and which of them matter.

sixteen_heads     most heads can be switched off after training
"""
