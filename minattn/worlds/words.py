"""English words by class, and words of a language that does not exist."""

from minattn.errors import ArgumentError

_TABLE = """
det   the my this every
adj   old small red quiet happy tall green strange young cold blue clever heavy round soft bright dark proud
adj   tired yellow rich thin
noun  child dog house bird woman tree horse river man cat garden king boat farmer fish road queen apple
noun  teacher mountain letter baker fox window soldier bridge painter wolf lamp doctor cloud sailor goat
noun  table miller owl
verb  sees finds likes follows calls knows draws brings hears loves paints carries meets pulls hides wakes
verb  visits washes fears helps sells touches guards thanks
prep  near behind with under beside without
adv   often slowly never gladly again quickly rarely gently
"""

CLASSES = {}  # class -> its words, the most frequent first
for _line in _TABLE.strip().splitlines():
    _name, *_members = _line.split()
    CLASSES.setdefault(_name, []).extend(_members)

_ONSETS, _VOWELS = list("bdfgklmnprstvz"), list("aeiou")


def invented(rng, n, syllables=2):
    """`n` distinct words of consonant-vowel syllables, as in "ta" or "kolu".

    Raises ArgumentError if there are not so many.
    """
    there_are = (len(_ONSETS) * len(_VOWELS)) ** syllables
    if n > there_are:
        raise ArgumentError(
            "words.invented", expected=f"n <= {there_are}", got=n, hint=f"syllables={syllables + 1}"
        )
    words = {}
    while len(words) < n:
        pairs = zip(rng.choice(_ONSETS, syllables), rng.choice(_VOWELS, syllables))
        words["".join(onset + vowel for onset, vowel in pairs)] = None
    return list(words)
