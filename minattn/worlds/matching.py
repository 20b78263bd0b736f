"""Questions that are answered by comparing tokens in other ways than key by key.

    nearest        which number is closest to the one asked for?   -.8 -.1  .4  .9   ? .3   ->   what is at .4
    block_search   which block holds both letters?   a c e g V   a b d f W   c b e h X   # a b   ->  W
    occurs         does the first of these vectors come again?

Every task is `task(rng, batch, ...) -> dict of arrays`; `targets` (B,) is what must be said, `attend` (B,)
the place that holds the answer.
"""

import numpy as np

from minattn.errors import ShapeError
from minattn.worlds import _check


def nearest(rng, batch, *, n_tokens=16, n_payloads=8):
    """Numbers with a payload each; say the payload of the number nearest to the one that is asked for.

        numbers  -.83  .12  .41  -.05      payloads  3  0  7  1      query  .38   ->   targets 7, attend 2

    Returns numbers (B, n_tokens) and query (B,), uniform in [-1, 1]; payloads (B, n_tokens) below n_payloads;
    targets, attend. Source: ours, for arXiv 2502.17206: no product of (u, 1) and (u*, 1) is -(u - u*)^2.
    """
    _start("matching.nearest", rng, batch=batch, n_tokens=n_tokens, n_payloads=n_payloads)
    numbers, query = rng.uniform(-1, 1, (batch, n_tokens)), rng.uniform(-1, 1, batch)
    payloads = rng.integers(n_payloads, size=(batch, n_tokens))
    attend = np.abs(numbers - query[:, None]).argmin(1)
    targets = payloads[np.arange(batch), attend]
    return dict(numbers=numbers, payloads=payloads, query=query, targets=targets, attend=attend)


def block_search(rng, batch, *, n_blocks=6, n_inside=4, n_letters=16, n_labels=12):
    """Blocks of letters, a label behind each; then # and two letters: say the label of the block with both.

    n_blocks   (n_blocks - 1) // 2 other blocks hold the first letter, as many others the second
    n_inside   distinct letters in a block
    n_letters  letters are 0 .. n_letters-1, labels follow (distinct in a text), then #
    Returns inputs (B, n_blocks * (n_inside + 1) + 3); targets (B,) below n_labels; attend (B,), the place of
    the label. Source: arXiv 2504.00927, section 4.1. Ours: the sizes.
    """
    where, each = "matching.block_search", (n_blocks - 1) // 2
    _start(where, rng, batch=batch)
    _check.count(where, "n_blocks", n_blocks, 3)
    _check.count(where, "n_inside", n_inside, 2)
    _check.count(where, "n_letters", n_letters, n_inside + 2)
    _check.count(where, "n_labels", n_labels, n_blocks)
    asked = _subsets(rng, batch, n_letters, 2)
    # A block's letters are those with the smallest draws; what is asked for is put first or last by hand.
    draws, row = rng.random((batch, n_blocks, n_letters)), np.arange(batch)[:, None]
    order = _subsets(rng, batch, n_blocks, n_blocks)  # first the block with both
    for which, others in enumerate((order[:, 1 : 1 + each], order[:, 1 + each : 1 + 2 * each])):
        letter = asked[:, which, None]
        draws[row, np.arange(n_blocks), letter] = 2
        draws[row, np.concatenate([order[:, :1], others], axis=1), letter] = -1
    inside = np.argsort(draws, axis=2)[:, :, :n_inside]
    inside = rng.permuted(inside, axis=2)
    labels = n_letters + _subsets(rng, batch, n_labels, n_blocks)
    text = np.concatenate([inside, labels[:, :, None]], axis=2).reshape(batch, -1)
    end = np.column_stack([np.full(batch, n_letters + n_labels), asked])
    attend = order[:, 0] * (n_inside + 1) + n_inside
    targets = text[row[:, 0], attend] - n_letters
    return dict(inputs=np.concatenate([text, end], axis=1), targets=targets, attend=attend)


def pool(rng, n, d):
    """(n, d) random vectors of length 1: objects without names."""
    _start("matching.pool", rng, n=n, d=d)
    drawn = rng.normal(size=(n, d))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def occurs(rng, batch, objects, *, n_objects=6):
    """Some of the vectors `objects` (n, d), distinct but for the first, which half of the time comes again.

    Returns objects (B, n_objects, d); ids (B, n_objects), which they are; targets (B,), 1 where the first
    comes again; attend (B,), where, or -1. Source: arXiv 2405.16727, relational games ("occurs").
    Ours: vectors in place of pictures.
    """
    _start("matching.occurs", rng, batch=batch)
    objects = np.asarray(objects)
    if objects.ndim != 2:
        raise ShapeError(
            "matching.occurs",
            expected="objects (n, d)",
            got=objects.shape,
            hint="matching.pool(rng, 200, 16)",
        )
    _check.count("matching.occurs", "n_objects", n_objects, 2, len(objects))
    ids = _subsets(rng, batch, len(objects), n_objects)
    targets, place, row = rng.integers(2, size=batch), rng.integers(1, n_objects, batch), np.arange(batch)
    ids[row, place] = np.where(targets, ids[:, 0], ids[row, place])
    attend = np.where(targets, place, -1)
    return dict(objects=objects[ids], ids=ids, targets=targets, attend=attend)


def _start(where, rng, **counts):
    _check.generator(where, rng)
    for name, value in counts.items():
        _check.count(where, name, value)


def _subsets(rng, batch, n, k):
    """(B, k) distinct numbers below n in random order, independent from row to row."""
    return np.argsort(rng.random((batch, n)), axis=1)[:, :k]
