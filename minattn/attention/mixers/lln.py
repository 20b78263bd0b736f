"""Log-normal linear attention. Source: arXiv 2311.13541."""

from functools import cache

from ..linear import LinearMixer, LogNormal, calibrate
from ..projections import MultiHead

calibrated = cache(calibrate)


def make(d_model, n_heads, *, rng):
    return LinearMixer(MultiHead(d_model, n_heads, rng=rng), LogNormal(*calibrated(d_model // n_heads)))
