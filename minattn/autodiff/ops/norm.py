"""Normalisation over the last axis."""

from ...backends import xp
from ..primitive import call, primitive


@primitive(saves=True)
def layer_norm(x, gain, bias, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * gain + bias over the last axis; gain and bias have its length.

    Source: arXiv 1607.06450, equation 4.
    """
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    scale = 1 / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + eps)
    normal = centred * scale
    return normal * gain + bias, (normal, scale)


@layer_norm.vjp
def _(g, out, saved, x, gain, bias, eps=1e-5):
    normal, scale = saved
    rows = tuple(range(x.ndim - 1))

    def for_x():
        h = g * gain
        mean = xp.mean(h, axis=-1, keepdims=True)
        along = xp.mean(h * normal, axis=-1, keepdims=True)
        return scale * (h - mean - normal * along)

    return for_x, lambda: xp.sum(g * normal, axis=rows), lambda: xp.sum(g, axis=rows)


@layer_norm.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)), rng.normal(size=5), rng.normal(size=5))
    yield call(rng.normal(size=(0, 5)), rng.normal(size=5), rng.normal(size=5))


@primitive(saves=True)
def rms_norm(x, gain, eps=1e-6):
    """x / sqrt(mean(x^2) + eps) * gain over the last axis; a row of zeros stays 0.

    Source: arXiv 1910.07467, equation 4.
    """
    scale = 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + eps)
    return x * scale * gain, scale


@rms_norm.vjp
def _(g, out, scale, x, gain, eps=1e-6):
    normal = x * scale

    def for_x():
        h = g * gain
        return scale * (h - normal * xp.mean(h * normal, axis=-1, keepdims=True))

    return for_x, lambda: xp.sum(g * normal, axis=tuple(range(x.ndim - 1)))


@rms_norm.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)), rng.normal(size=5))
    yield call(rng.normal(size=(7,)), rng.normal(size=7))
