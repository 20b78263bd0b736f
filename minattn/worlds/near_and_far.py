"""Questions that need places and questions that need contents, at the end of one stream of any length."""

import numpy as np

from minattn.worlds import _check
from minattn.worlds.facts import _start, _subsets


def near_and_far(rng, batch, *, n_facts=8, n_keys=16, n_values=8, back=2, length=32):
    """Tokens of a key and a value, then one question: about a key somewhere, or about what stood just before.

        key    16   5  16  16   9  16   5        value   3   7   1   0   2   6   .      ->  7, attend 1
        key    16   5  16  16   9  16  17        value   3   7   1   0   2   6   .      ->  2, attend 4

    n_facts   tokens with distinct keys below n_keys; all others share the one key n_keys (16), so that a
              longer stream has more noise and no more keys
    back      the other question, key n_keys + 1 (17), asks for the value this many tokens before it
    Half of the questions are of either kind. Values are below n_values, the question's is n_values.
    Returns inputs (B, length, 2), targets and attend (B,), far (B,) boolean: True where a key is asked for.
    Source: ours, for arXiv 2505.22842 (its passkeys need contents alone).
    """
    where = "near_and_far"
    _start(where, rng, batch=batch, n_facts=n_facts, n_values=n_values, back=back)
    _check.count(where, "n_keys", n_keys, n_facts)
    _check.count(where, "length", length, max(n_facts, back) + 1)
    before, row = length - 1, np.arange(batch)
    keys, values = np.full((batch, length), n_keys), rng.integers(n_values, size=(batch, length))
    places = _subsets(rng, batch, before, n_facts)
    np.put_along_axis(keys, places, _subsets(rng, batch, n_keys, n_facts), axis=1)
    far = rng.random(batch) < 0.5
    attend = np.where(far, places[:, 0], before - back)
    keys[:, -1] = np.where(far, keys[row, attend], n_keys + 1)
    values[:, -1] = n_values
    return dict(inputs=np.stack([keys, values], axis=-1), targets=values[row, attend], attend=attend, far=far)
