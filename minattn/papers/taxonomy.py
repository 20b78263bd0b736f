"""The taxonomy of efficient attention with its runnable members: `minattn papers --by taxonomy`.

The tree is that of arXiv 2507.19595, with short convolutions beside it. Who belongs where is read off the
mixers themselves; which papers a mixer comes from, off the sources that its file and its parts name.
"""

import inspect
import re

import numpy as np

from ..attention import mixers
from .base import rows

SURVEY = "2507.19595"  # where the tree comes from, which every member names
TREE = {
    ("full", "softmax"): "every token looks at every earlier one",
    ("linear", "kernel"): "a feature map in place of the exponential; running sums in place of the table",
    ("linear", "decay"): "the sums fade, at a fixed rate or as the token says",
    ("linear", "fast-weight"): "the state is a memory that learns: what it holds for a key is corrected",
    ("linear", "convolution"): "each token sees the last few through weights that are the same everywhere",
    ("sparse", "fixed"): "a pattern of places: windows, sinks",
    ("sparse", "block-routed"): "each query picks the blocks of keys that fit it",
    ("sparse", "clustered"): "queries meet the keys of their own cluster",
    ("hybrid", "sequential"): "cheap mixers with an exact one behind them",
    ("hybrid", "parallel"): "several mixers beside each other, their outputs joined",
}


def taxonomy():
    """A dict for each kind of the tree: family, kind, meaning, mixers (names) and papers (slugs of rows)."""
    makes = mixers.registry()
    made = {name: make(8, 2, rng=np.random.default_rng(0)) for name, make in makes.items()}
    places = {name: tuple(mixer.taxonomy) for name, mixer in made.items()}
    slugs = {row.paper.arxiv: row.slug for row in rows()}
    found = []
    families = list(dict.fromkeys(family for family, _ in TREE))
    kinds = dict.fromkeys((*TREE, *places.values()))  # mixers may add kinds, a family never
    for place in sorted(kinds, key=lambda place: families.index(place[0])):
        names = [name for name in places if places[name] == place]
        cited = dict.fromkeys(source for name in names for source in sources(makes[name], made[name]))
        papers = [slugs[source] for source in cited if source in slugs and source != SURVEY]
        meaning = TREE.get(place, "")
        found.append(
            {"family": place[0], "kind": place[1], "meaning": meaning, "mixers": names, "papers": papers}
        )
    return found


def sources(make, mixer):
    """The arXiv numbers that the docstrings of a mixer's file and of its modules name, in their order."""
    texts = [inspect.getmodule(make).__doc__, *(type(part).__doc__ for part in mixer.modules())]
    return list(dict.fromkeys(re.findall(r"\b\d{4}\.\d{5}\b", " ".join(filter(None, texts)))))
