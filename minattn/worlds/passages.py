"""Facts in a long text that is cut into blocks, with a landmark behind each; the last block asks for them.

    blocks of 3    5:7  19  18  [L]   17  2:3  19  [L]    2    5    2  [L]
    targets                                               3    7    3

5:7 is a token with key 5 and value 7 as in facts.py; 17 to 19 are fillers.
"""

import numpy as np

from minattn.errors import ShapeError
from minattn.worlds import _check, facts


def passages(rng, batch, *, block=8, n_blocks=8, n_facts=6, n_keys=16, n_values=8, n_fillers=8):
    """Facts with distinct keys anywhere before the last block, whose tokens ask for them, each drawn alone.

    Ids as in facts.mqar; a landmark has the key n_keys + n_fillers and no value.
    Returns inputs (B, n_blocks * (block + 1), 2), landmarks included; targets (B, block), the answers to the
    last block; attend (B, block), the places that hold them.
    Source: arXiv 2305.16300, section 4.2 (passkeys). Ours: several facts, one token each.
    """
    _check.count("passages", "block", block)
    _check.count("passages", "n_blocks", n_blocks, 2)
    sizes = dict(n_facts=n_facts, n_keys=n_keys, n_values=n_values, n_fillers=n_fillers)
    drawn = facts.mqar(rng, batch, n_queries=1, length=block * (n_blocks - 1) + 1, **sizes)
    text = drawn["inputs"][:, :-1]
    places = np.nonzero(text[..., 1] < n_values)[1].reshape(batch, n_facts)
    attend = np.take_along_axis(places, rng.integers(n_facts, size=(batch, block)), axis=1)
    asked = np.take_along_axis(text, attend[..., None], axis=1)
    questions = np.stack([asked[..., 0], np.full_like(attend, n_values)], axis=-1)
    whole = np.concatenate([text, questions], axis=1)
    inputs = with_landmarks(whole, block, (n_keys + n_fillers, n_values))
    return dict(inputs=inputs, targets=asked[..., 1], attend=attend + attend // block)


def with_landmarks(inputs, block, landmark):
    """A landmark after every `block` tokens: (B, L, C) -> (B, L + L // block, C).

    landmark   the ids of its C channels. A last block that is not full gets none.
    """
    if np.ndim(inputs) != 3 or np.shape(landmark) != np.shape(inputs)[2:]:
        raise ShapeError(
            "passages.with_landmarks",
            expected="inputs (B, L, C) and a landmark of C ids",
            got=(np.shape(inputs), np.shape(landmark)),
            hint="inputs[:, :, None] for tokens of one channel",
        )
    batch, length, channels = inputs.shape
    full = length // block
    blocks = inputs[:, : full * block].reshape(batch, full, block, channels)
    marks = np.broadcast_to(np.asarray(landmark), (batch, full, 1, channels))
    marked = np.concatenate([blocks, marks], axis=2).reshape(batch, full * (block + 1), channels)
    return np.concatenate([marked, inputs[:, full * block :]], axis=1)
