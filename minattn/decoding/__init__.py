"""Turn a model that names the next word into whole sentences. NumPy only.

greedy    the most probable word each time
beam      keep the `width` best beginnings of each sentence
sample    draw: temperature, top-k, top-p

All three ask `step(prefix) -> log-probabilities`: `prefix` holds integers (N, t), one row for each unfinished
sentence, start tokens included; the answer is a NumPy array (N, V), natural logs of probabilities.

    start [[1]   step   [[1 5]   step   [[1 5 3]   step   [[1 5 3 2]         end = 2
           [1]]  --->    [1 4]]  --->    [1 4 2]]  --->    [1 4 2 2]]   ->   [[5, 3], [4]]

The rows stay where they are until all are finished; a finished row goes on with `end` and its answers are
ignored. A step may keep a cache between calls and look at the last column only.

`beam` asks for N * width rows, row n * width + b is beam b of sentence n: whatever belongs to a sentence
(encoder states, masks) must be repeated, `np.repeat(states, width, axis=0)`. A step that keeps a cache has a
method `reorder(rows)`: before each next step, row i of the cache must become row rows[i] of the old one.
"""

from minattn.decoding.beam import beam
from minattn.decoding.features import block_ngrams
from minattn.decoding.greedy import greedy
from minattn.decoding.sample import restrict, sample

__all__ = ["beam", "block_ngrams", "greedy", "restrict", "sample"]
