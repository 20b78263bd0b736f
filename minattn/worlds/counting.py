"""Tasks in which places must be counted by what they hold, not by their distance.

kth_last    values  4 1 7 2 9 0   k=2  ->  7        flip_flop   w:1 i:0 i:1 w:0 i:1 r  ->  0
            marks     * . * . * .
"""

import numpy as np

from minattn.worlds import _check


def kth_last(rng, batch, *, length=32, n_values=10, p_mark=0.25, max_k=4):
    """Tokens with values, some of them marked; the last token asks for the k-th last marked one.

        inputs  [4 1 7 2 9 0 11]   marked  [1 0 1 0 1 0 0]   k 2   targets 7   attend 2

    length    tokens before the question
    p_mark    chance that a token is marked; at least `max_k` are, whatever the chance
    max_k     k is 1 .. max_k, each equally likely

    Returns inputs (B, length+1): values, then the question with id n_values + k - 1; marked (B, length+1),
    bool; k, targets and attend (B,). Embed a token as E[input] + marked * e_mark.

    Source: ours, for arXiv 2405.18719. The gaps are random, so distance says little about k.
    """
    where = "counting.kth_last"
    _check.generator(where, rng)
    for name, value in dict(batch=batch, n_values=n_values, max_k=max_k).items():
        _check.count(where, name, value)
    _check.count(where, "length", length, max_k)
    _check.probability(where, "p_mark", p_mark)
    inputs = rng.integers(n_values, size=(batch, length + 1))
    luck = rng.random((batch, length))
    # The max_k luckiest tokens are marked in any case, so that every question has an answer.
    enough = np.sort(luck, axis=1)[:, max_k - 1 : max_k]
    marked = np.zeros((batch, length + 1), dtype=bool)
    marked[:, :-1] = (luck < p_mark) | (luck <= enough)
    k, row = rng.integers(1, max_k + 1, batch), np.arange(batch)
    inputs[:, -1] = n_values + k - 1
    marks_from_here = np.cumsum(marked[:, ::-1], axis=1)[:, ::-1]
    attend = np.argmax(marked & (marks_from_here == k[:, None]), axis=1)
    return dict(inputs=inputs, marked=marked, k=k, targets=inputs[row, attend], attend=attend)


def flip_flop(rng, batch, *, length=32, n_values=2, p_ignore=0.8):
    """Write a value, ignore a value, or read: say the value that was written last.

        instructions  [w i i w i r]   values  [1 0 1 0 1 2]   targets at the read  0, attend 3

    length      tokens, >= 2: the first writes, the last reads
    p_ignore    chance of an ignore between them; writes and reads share the rest equally

    Returns instructions (B, length) with 0 write, 1 ignore, 2 read; values (B, length), n_values at a read
    (nothing to see); targets and attend (B, length), the last written value and its place at every token;
    valid (B, length), True at the reads, where the loss is.

    Source: arXiv 2405.18719 section 5.1 (flip-flop). Ours: instruction and value share a token.
    """
    where = "counting.flip_flop"
    _check.generator(where, rng)
    _check.count(where, "batch", batch)
    _check.count(where, "length", length, 2)
    _check.count(where, "n_values", n_values, 2)
    _check.probability(where, "p_ignore", p_ignore)
    instructions = rng.choice(3, (batch, length), p=[(1 - p_ignore) / 2, p_ignore, (1 - p_ignore) / 2])
    instructions[:, 0], instructions[:, -1] = 0, 2
    values = rng.integers(n_values, size=(batch, length))
    place = np.where(instructions == 0, np.arange(length), 0)
    attend = np.maximum.accumulate(place, axis=1)
    targets = np.take_along_axis(values, attend, axis=1)
    valid = instructions == 2
    values[valid] = n_values
    return dict(instructions=instructions, values=values, targets=targets, attend=attend, valid=valid)


def count(rng, batch, *, length=24, n_counters=2, p_pass=0.4, p_reset=0.1, largest=10):
    """Counters that are increased and reset in a stream; the last token asks how far one of them is.

        +a  .  +b  +a  0a  +a  ?a   ->   1

    p_pass      chance of a token that does nothing
    p_reset     chance of a reset to 0; the rest are increments
    largest     no counter goes above: an increment that would is replaced by a pass

    Returns inputs (B, length+1): 0 pass, 1+c increment counter c, 1+C+c reset it, 1+2C+c ask for it
    (C = n_counters); targets (B,); counted (B, length+1), True at the increments that make up the answer.

    Source: arXiv 2405.18719 section 5.2 (counting). Ours: tokens instead of lines of a program.
    """
    where = "counting.count"
    _check.generator(where, rng)
    for name, value in dict(batch=batch, length=length, n_counters=n_counters, largest=largest).items():
        _check.count(where, name, value)
    _check.probability(where, "p_reset", p_reset)
    _check.probability(where, "p_pass + p_reset", p_pass + p_reset)
    _check.probability(where, "p_pass", p_pass)
    row = np.arange(batch)
    kind = rng.choice(3, (batch, length), p=[p_pass, 1 - p_pass - p_reset, p_reset])
    counter = rng.integers(n_counters, size=(batch, length))
    asked = rng.integers(n_counters, size=batch)
    value = np.zeros((batch, n_counters), dtype=np.int64)
    for t in range(length):
        c = counter[:, t]
        kind[(kind[:, t] == 1) & (value[row, c] == largest), t] = 0
        value[row, c] = np.where(kind[:, t] == 2, 0, value[row, c] + (kind[:, t] == 1))
    own = counter == asked[:, None]
    resets_from_here = np.cumsum((own & (kind == 2))[:, ::-1], axis=1)[:, ::-1]
    counted = own & (kind == 1) & (resets_from_here == 0)
    inputs = np.where(kind == 0, 0, 1 + (kind - 1) * n_counters + counter)
    inputs = np.concatenate([inputs, 1 + 2 * n_counters + asked[:, None]], axis=1)
    return dict(inputs=inputs, targets=value[row, asked], counted=np.pad(counted, ((0, 0), (0, 1))))
