"""Heads: how many there are, what they share, and which of them matter.

sixteen_heads     most heads can be switched off after training
rank_benefits     one head of full rank against many of low rank
mhe               heads that share one projection and differ by a vector
better_attention  two linear maps with nothing between them are one
"""
