"""Scores: what says how well a query fits a key.

neural_attention   a small network looks at each pair
mta                scores that mix with those of their neighbours
dual_attention     relations between objects, apart from what the objects are
"""
