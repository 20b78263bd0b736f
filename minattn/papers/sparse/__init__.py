"""Sparse attention: who need not be attended to.

nats   each token learns for how long it stays visible
"""
