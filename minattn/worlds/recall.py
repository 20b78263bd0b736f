"""Small tasks whose answer is one or a few known places of the input: look up, copy, reverse, sort, count.

Every task is `task(rng, batch, ...) -> dict of arrays`. `targets` is what the model must say; `attend` is the
truth about attention: the index of the place that holds the answer. The tasks that count are in counting.py.

    remember        a symbol, then noise, then "?"            ->  the symbol
    reverse         d a b c                                   ->  c b a d
    sort            7 2 9        (values, variable length)    ->  2 7 9
    selective_copy  . b . . a .                               ->  b a
"""

import numpy as np

from minattn.worlds import _check
from minattn.worlds.counting import count, flip_flop, kth_last

__all__ = ["count", "flip_flop", "kth_last", "lookup", "remember", "reverse", "selective_copy", "sort"]


def _start(task, rng, batch, **counts):
    """Check the arguments that all tasks have: a Generator and positive integers."""
    _check.generator(f"recall.{task}", rng)
    _check.count(f"recall.{task}", "batch", batch)
    for name, value in counts.items():
        _check.count(f"recall.{task}", name, value)


def _subsets(rng, batch, n, k):
    """(B, k) distinct numbers below n in random order, independent from row to row."""
    return np.argsort(rng.random((batch, n)), axis=1)[:, :k]


def remember(rng, batch, lag, *, n_symbols=8, n_noise=8):
    """A symbol, `lag` noise tokens, a query token: name the symbol.

        inputs  [5  11 9 14 8  16]     targets  5      (n_symbols = n_noise = 8, lag = 4)

    Returns inputs (B, lag+2) with symbols 0 .. n_symbols-1, then noise ids, then the query id
    n_symbols + n_noise; targets (B,); attend (B,) = 0.

    Source: arXiv 1912.05911, long-range dependencies; the task is ours.
    """
    _start("remember", rng, batch, n_symbols=n_symbols, n_noise=n_noise)
    _check.count("recall.remember", "lag", lag, 0)
    inputs = rng.integers(n_symbols, n_symbols + n_noise, (batch, lag + 2))
    inputs[:, 0] = rng.integers(n_symbols, size=batch)
    inputs[:, -1] = n_symbols + n_noise
    return dict(inputs=inputs, targets=inputs[:, 0].copy(), attend=np.zeros(batch, dtype=np.int64))


def reverse(rng, batch, *, length=12, n_symbols=16, first=0):
    """Say the symbols backwards.

        inputs  [3 0 1 2]     targets  [2 1 0 3]     attend  [3 2 1 0]

    first    id of the first symbol; 3 leaves room for padding, begin and end marks

    Returns inputs (B, length), targets (B, length), attend (B, length).
    """
    _start("reverse", rng, batch, length=length, n_symbols=n_symbols)
    _check.count("recall.reverse", "first", first, 0)
    inputs = rng.integers(first, first + n_symbols, (batch, length))
    attend = np.broadcast_to(np.arange(length)[::-1], inputs.shape).copy()
    return dict(inputs=inputs, targets=inputs[:, ::-1].copy(), attend=attend)


def sort(rng, batch, *, shortest=3, longest=5, n_numbers=20):
    """Distinct numbers below `n_numbers`, as many as a random length says; say them from small to large.

        inputs  [7 2 9 0 0]   valid  [1 1 1 0 0]   targets  [2 7 9 0 0]   attend  [1 0 2 0 0]

    Returns inputs, targets, attend and valid, each (B, longest). Where valid is False the others are 0.
    A model that points into the input learns `attend`; one that names values learns `targets`.

    Source: arXiv 1912.05911, pointer networks; the task is ours.
    """
    _start("sort", rng, batch, shortest=shortest)
    _check.count("recall.sort", "longest", longest, shortest, n_numbers)
    valid = np.arange(longest) < rng.integers(shortest, longest + 1, (batch, 1))
    inputs = _subsets(rng, batch, n_numbers, longest)
    attend = np.argsort(np.where(valid, inputs, n_numbers), axis=1, kind="stable")
    targets = np.take_along_axis(inputs, attend, axis=1)
    return dict(inputs=inputs * valid, targets=targets * valid, attend=attend * valid, valid=valid)


def selective_copy(rng, batch, *, length=32, n_data=8, n_symbols=8, first=0):
    """Data symbols at random places between blanks; say the data in order and skip the blanks.

        inputs  [8 1 8 8 0 8]     targets  [1 0]     attend  [1 4]       (blank = 8)

    first    id of the first symbol; the blank is first + n_symbols

    Returns inputs (B, length), targets (B, n_data), attend (B, n_data).

    Source: arXiv 2405.18719 section 5.2 uses this kind of task; sizes are ours.
    """
    _start("selective_copy", rng, batch, length=length, n_symbols=n_symbols)
    _check.count("recall.selective_copy", "n_data", n_data, 1, length)
    _check.count("recall.selective_copy", "first", first, 0)
    attend = np.sort(_subsets(rng, batch, length, n_data), axis=1)
    targets = rng.integers(first, first + n_symbols, (batch, n_data))
    inputs = np.full((batch, length), first + n_symbols)
    np.put_along_axis(inputs, attend, targets, axis=1)
    return dict(inputs=inputs, targets=targets, attend=attend)


def lookup(rng, batch, *, n_pairs=6, n_keys=16, n_values=8, p_present=0.5):
    """Pairs of key and value in one token each, and a query key that may be absent: its value, or "none".

        keys  [3 7 1]   values  [0 4 2]   query 7  ->  targets 4, attend 1
                                          query 5  ->  targets 8, attend -1       (none = n_values = 8)

    p_present    how often the query is one of the keys

    Returns keys and values (B, n_pairs), query, targets, attend (-1 if absent) and present (bool), each (B,).
    Keys of a row are distinct. Embed a pair as E_key[key] + E_value[value], the query as E_key[query].

    Source: ours, for arXiv 2104.07012: here attending to nothing is the right thing to do.
    """
    _start("lookup", rng, batch, n_pairs=n_pairs, n_values=n_values)
    _check.probability("recall.lookup", "p_present", p_present)
    _check.count("recall.lookup", "n_keys", n_keys, n_pairs + 1)
    shuffled = _subsets(rng, batch, n_keys, n_keys)
    keys = shuffled[:, :n_pairs].copy()
    values = rng.integers(n_values, size=(batch, n_pairs))
    present = rng.random(batch) < p_present
    place, row = rng.integers(n_pairs, size=batch), np.arange(batch)
    query = np.where(present, keys[row, place], shuffled[:, n_pairs])
    targets = np.where(present, values[row, place], n_values)
    attend = np.where(present, place, -1)
    return dict(keys=keys, values=values, query=query, targets=targets, attend=attend, present=present)
