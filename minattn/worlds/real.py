"""Real text that is on every machine: the Python language reference, which CPython carries for its help(),
and source files of the standard library.

text = load()                          'The "assert" statement\\n****...'   465,126 characters in 3.11
train, held_out = split(text)          the first 90 % and the last 10 %
characters = CharVocabulary(text)      about 100 of them
batch(characters.encode(train), rng, 2, 4)
    inputs   [[T h e _]        targets  [[h e _ "]
              [s t a t]]                 [t a t e]]
"""

import importlib.util
from pathlib import Path

import numpy as np

from minattn.errors import ArgumentError, BackendMissing, DTypeError
from minattn.worlds import _check


def load(path=None):
    """The language reference as one string, topics in alphabetical order with an empty line between.

    path    a text file (UTF-8) to read instead

    The text differs a little from one Python version to the next.
    Raises BackendMissing where this Python came without `pydoc_data`, ArgumentError for a file that cannot be
    read.
    """
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as cause:
            raise ArgumentError(
                "real.load",
                expected="a readable UTF-8 text file",
                got=cause,
                hint="load() for the built-in text",
            ) from cause
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except (ImportError, AttributeError) as cause:
        raise BackendMissing(
            "real.load",
            expected="pydoc_data.topics, part of CPython's standard library",
            got=cause,
            hint='load(path="some_text.txt"), or a full CPython',
        ) from cause
    return "\n\n".join(topics[name] for name in sorted(topics))


MODULES = (
    "argparse", "ast", "configparser", "difflib", "doctest", "inspect", "optparse", "pickle", "random",
    "smtplib", "tarfile", "typing",
)  # fmt: skip


def sources(length=25_000, modules=MODULES):
    """The first `length` characters of the source of some modules: a list of strings, one a module.

    The texts differ a little from one Python version to the next.
    Raises BackendMissing for a module whose source is not there.

    >>> [len(text) for text in sources(1000, ["ast", "random"])]
    [1000, 1000]
    """
    _check.count("real.sources", "length", length)
    texts = []
    for name in modules:
        found = importlib.util.find_spec(name)
        if found is None or not str(found.origin).endswith(".py"):
            raise BackendMissing(
                "real.sources",
                expected=f"{name}.py, part of CPython's standard library",
                got=getattr(found, "origin", None),
                hint="a full CPython, or modules=[..]",
            )
        texts.append(Path(found.origin).read_text(encoding="utf-8")[:length])
    return texts


def split(sequence, held_out=0.1):
    """Cut a text, or an array of ids, into (training, held out); the last `held_out` of it is held out.

    >>> split("abcdefghij", 0.2)
    ('abcdefgh', 'ij')
    """
    held_out = _check.probability("real.split", "held_out", held_out)
    cut = len(sequence) - round(held_out * len(sequence))
    return sequence[:cut], sequence[cut:]


class CharVocabulary:
    """The characters of a text, in the order of their code points, and their ids 0 .. len-1.

    >>> c = CharVocabulary("banana")
    >>> c.encode("nab").tolist(), c.decode([1, 0])
    ([2, 0, 1], 'ba')

    Raises ArgumentError for an empty text, and in encode for a character that the text has not.
    """

    def __init__(self, text):
        if not isinstance(text, str):
            raise DTypeError(
                "CharVocabulary", expected="a string", got=type(text).__name__, hint="real.load()"
            )
        if not text:
            raise ArgumentError("CharVocabulary", expected="some text", got="''", hint="real.load()")
        self.characters = "".join(sorted(set(text)))
        self._points = np.array([ord(c) for c in self.characters])

    def __len__(self):
        return len(self.characters)

    def __repr__(self):
        return f"CharVocabulary({len(self)} characters)"

    def encode(self, text):
        """The ids (n,) of a string of n characters."""
        points = np.array([ord(c) for c in text], dtype=np.int64)
        ids = np.minimum(np.searchsorted(self._points, points), len(self) - 1)
        unknown = self._points[ids] != points
        if unknown.any():
            raise ArgumentError(
                "CharVocabulary.encode",
                expected=f"characters among {self.characters[:40]!r} ...",
                got=repr(text[int(np.argmax(unknown))]),
                hint="build the vocabulary from the whole text",
            )
        return ids

    def decode(self, ids):
        """The string of n ids."""
        ids = np.asarray(ids)
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise ArgumentError(
                "CharVocabulary.decode",
                expected=f"0 <= id < {len(self)}",
                got=f"{ids.min()} .. {ids.max()}",
                hint="use the same vocabulary",
            )
        return "".join(self.characters[i] for i in ids)


def batch(ids, rng, batch, length):
    """`batch` windows of `length` ids from random places, and the same windows one place later.

    ids    (n,) with n > length

    Returns dict(inputs (B, T), targets (B, T)); targets[:, :-1] equals inputs[:, 1:].
    Raises ArgumentError if the text is too short.
    """
    ids = np.asarray(ids)
    _check.generator("real.batch", rng)
    _check.count("real.batch", "batch", batch)
    _check.count("real.batch", "length", length, 1, max(len(ids) - 1, 1))
    if len(ids) < 2:
        raise ArgumentError("real.batch", expected="two ids or more", got=len(ids), hint="a longer text")
    places = rng.integers(len(ids) - length, size=(batch, 1)) + np.arange(length + 1)
    windows = ids[places]
    return dict(inputs=windows[:, :-1], targets=windows[:, 1:])
