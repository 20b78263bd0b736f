"""Words and numbers: a vocabulary, padding, and batches of sentences of similar length.

"the cat sleeps"  ->  [3, 4, 5, 2]          2 = end of sentence
"it rains"        ->  [6, 7, 2]
pad               ->  [[3 4 5 2]   valid  [[1 1 1 1]
                       [6 7 2 0]]          [1 1 1 0]]
"""

from collections.abc import Iterable

import numpy as np

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import _check


class Vocabulary:
    """A fixed list of words and their ids. Ids 0, 1, 2 are padding, begin and end of sentence.

    words   distinct strings, without the three special ones

    >>> v = Vocabulary(["the", "cat", "sleeps"])
    >>> v.encode(["the", "cat"], eos=True)
    [3, 4, 2]
    >>> v.decode([1, 3, 4, 2, 0])
    ['the', 'cat']

    Raises ArgumentError for a word that occurs twice.
    """

    pad, bos, eos = 0, 1, 2
    special = ("<pad>", "<bos>", "<eos>")

    def __init__(self, words):
        self.words = (*self.special, *words)
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            twice = next(w for i, w in enumerate(self.words) if self._ids[w] != i)
            raise ArgumentError(
                "Vocabulary",
                expected="distinct words",
                got=f"{twice!r} twice",
                hint="list(dict.fromkeys(words))",
            )

    def __len__(self):
        return len(self.words)

    def __contains__(self, word):
        return word in self._ids

    def __repr__(self):
        return f"Vocabulary({len(self)} words)"

    def encode(self, words, *, bos=False, eos=False):
        """The ids of `words` as a list; `bos` and `eos` add the mark at that side.

        Raises ArgumentError for a word that is not in the vocabulary.
        """
        if isinstance(words, str):
            raise DTypeError(
                "Vocabulary.encode", expected="a list of words", got=repr(words), hint="words.split()"
            )
        unknown = [word for word in words if word not in self._ids]
        if unknown:
            raise ArgumentError(
                "Vocabulary.encode",
                expected=f"words among the {len(self)} known ones",
                got=repr(unknown[0]),
                hint="build the vocabulary from all sentences",
            )
        return [self.bos] * bos + [self._ids[word] for word in words] + [self.eos] * eos

    def decode(self, ids):
        """The words of `ids` up to the first end mark, without padding and begin marks."""
        words = []
        for i in ids:
            if not 0 <= i < len(self):
                raise ArgumentError(
                    "Vocabulary.decode",
                    expected=f"0 <= id < {len(self)}",
                    got=i,
                    hint="use the same vocabulary",
                )
            if i == self.eos:
                break
            if i not in (self.pad, self.bos):
                words.append(self.words[i])
        return words


def pad(sequences, length=None):
    """Put lists of ids of different lengths into one rectangle.

    sequences   B lists of ids
    length      T, the width of the rectangle; the longest list if not given

    Returns ids (B, T), filled up with 0, and valid (B, T), True where an id came from a list.

    >>> pad([[3, 4, 2], [5, 2]])[0].tolist()
    [[3, 4, 2], [5, 2, 0]]

    Raises ArgumentError for no list at all and for a list longer than `length`.
    """
    sequences = list(sequences)
    if not sequences:
        raise ArgumentError("pad", expected="one list or more", got="none", hint="pad([[3, 4, 2]])")
    if not all(isinstance(s, Iterable) for s in sequences):
        raise DTypeError("pad", expected="a list of lists of ids", got="a list of ids", hint="pad([ids])")
    lengths = np.array([len(s) for s in sequences])
    width = int(lengths.max()) if length is None else length
    if lengths.max() > width:
        raise ArgumentError(
            "pad", expected=f"lists of <= {width} ids", got=int(lengths.max()), hint="a larger length"
        )
    valid = np.arange(width) < lengths[:, None]
    ids = np.zeros(valid.shape, dtype=np.int64)
    ids[valid] = [i for s in sequences for i in s]
    return ids, valid


def bucketed_batch(pairs, size, rng, buckets=8):
    """Draw `size` pairs of similar length, so that little of the padded batch is wasted.

    Draws buckets * size pairs, sorts them by length, cuts them into `buckets` equal parts and returns
    one part at random. Every pair has the same chance to be drawn.

    pairs   list of (source, target), each a list of ids
    size    B, how many to draw, <= len(pairs)
    rng     numpy Generator

    Returns a list of B pairs, from the shortest source to the longest.
    Raises ArgumentError if there are fewer than `size` pairs.
    """
    size = _check.count("bucketed_batch", "size", size, 1, len(pairs))
    parts = min(_check.count("bucketed_batch", "buckets", buckets), len(pairs) // size)
    rng = _check.generator("bucketed_batch", rng)
    pool = [pairs[i] for i in rng.choice(len(pairs), parts * size, replace=False)]
    pool.sort(key=lambda pair: (len(pair[0]), len(pair[1])))
    first = size * rng.integers(parts)
    return pool[first : first + size]
