"""Sparse attention: who need not be attended to, and what need not be computed.

axformer   parts of a trained transformer that validation data does not miss go
nats   each token learns for how long it stays visible
"""
