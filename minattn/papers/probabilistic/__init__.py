"""Probability: attention as inference about an unseen graph.

marginal_attention   one formula for many kinds of attention; a window that grows while the parent is outside
"""
