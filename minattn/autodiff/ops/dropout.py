"""Dropout whose mask is a function of a key: every backend drops the same elements and stores none."""

import numpy as np

from ...backends import Declined, xp
from ...errors import ArgumentError
from ..primitive import call, primitive
from ..tensor import as_tensor
from .dropout_kernels import drop_flat
from .kernel_math import dense, same_float

LOW = 2**32 - 1  # the lower half of the bits of a uint64: the largest word
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
KEY_STEPS = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
PIECE = 16384  # counters at a time: their words stay in the processor's cache


def philox(counter, key):
    """Philox4x32-10: four random words from four counter words and two key words, arrays of uint64.

    A round multiplies two words by constants. The upper halves of the products, in which all bits have a say,
    are mixed into the other two words, along with the key; the lower halves change places with them. Counters
    0, 1, 2, .. so give words in which nobody finds a pattern, each without those before it.
    Source: Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3, section 3.3.
    """
    (a, b, c, d), (k, m) = counter, key
    for _ in range(ROUNDS):
        left, right = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, b, c, d = (right >> 32) ^ b ^ k, right & LOW, (left >> 32) ^ d ^ m, left & LOW
        k, m = (k + KEY_STEPS[0]) & LOW, (m + KEY_STEPS[1]) & LOW
    return a, b, c, d


def random_words(n, key):
    """n random words (n,) of a key (2,): those of the counters 0, 1, 2, .., four of each."""
    key = key.astype(np.uint64) & LOW
    words = xp.empty((-(-n // 4), 4), dtype=np.uint32)
    for start in range(0, len(words), PIECE):
        count = xp.arange(start, min(start + PIECE, len(words)), dtype=np.uint64)
        zero = xp.zeros_like(count)
        four = philox((count & LOW, count >> 32, zero, zero), (key[:1], key[1:]))
        words[start : start + PIECE] = xp.stack(four, axis=-1)
    return words.reshape(-1)[:n]


def limit_of(rate):
    """Words below this are dropped; at least the largest word is kept."""
    return min(round(rate * 2**32), LOW)


@primitive
def _dropout(x, key, rate):
    """The fused part of `dropout`."""
    kept = random_words(x.size, key).reshape(x.shape) >= limit_of(rate)
    return xp.where(kept, x * (1 / (1 - rate)), 0)


@_dropout.vjp
def _(g, out, x, key, rate):
    return _dropout.forward(g, key, rate), None


@_dropout.kernel("numba")
def _(x, key, rate):
    if not same_float(x):
        return Declined("the array is neither float32 nor float64")
    out, words = np.empty(x.shape, x.dtype), key.astype(np.uint64) & LOW
    scale, limit = x.dtype.type(1 / (1 - rate)), np.uint32(limit_of(rate))
    drop_flat(dense(x).reshape(-1), words[0], words[1], limit, scale, out.reshape(-1))
    return out


@_dropout.vjp_kernel("numba")
def _(g, out, x, key, rate):
    return _dropout.kernels["numba"](g, key, rate), None


@_dropout.samples
def _(rng):
    yield call(rng.normal(size=(3, 5, 7)), np.array([7, 2**32 - 1]), rate=0.3)
    yield call(rng.normal(size=()), np.array([3, 5]), rate=0.0)
    yield call(rng.normal(size=(0, 3)), np.array([3, 5]), rate=0.5)


def dropout(x, rate, key):
    """Each element of x set to 0 with probability `rate`, the others divided by 1 - rate.

    rate   in [0, 1)
    key    (2,) whole numbers below 2^32, for example rng.integers(2**32, size=2): the same key drops the same
           elements of an array of the same size, on every backend
    Element i, counted in C order, is dropped where word i of the key is below rate 2^32 (see `philox`).
    Backward makes the words again. Raises ArgumentError. Source: Srivastava et al. (2014).

        >>> dropout([1.0, 1.0, 1.0, 1.0], 0.5, key=[1, 2]).numpy().tolist()
        [0.0, 2.0, 0.0, 2.0]
    """
    if not 0 <= rate < 1:
        raise ArgumentError("dropout(rate)", expected="0 <= rate < 1", got=rate, hint="0.1")
    key = as_tensor(key).data
    if key.shape != (2,) or key.dtype.kind not in "iu":
        raise ArgumentError(
            "dropout(key)",
            expected="two whole numbers below 2^32",
            got=f"{key.dtype} {key.shape}",
            hint="rng.integers(2**32, size=2)",
        )
    return _dropout(x, key, rate=float(rate))
