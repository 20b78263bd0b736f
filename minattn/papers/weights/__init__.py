"""Weights: what turns scores into how much is taken from each key.

rela                rectified weights, so that a query may attend to nothing
relaxed_attention   weights mixed with the uniform distribution, against over-fitting
"""
