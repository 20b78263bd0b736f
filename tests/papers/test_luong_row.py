"""How the row of Luong attention measures."""

import numpy as np

from minattn.papers.translation import luong_attention as row
from minattn.worlds import parallel

WORLD = parallel.translation(100, 11, 23)


class Oracle:
    """A translator that knows the truth, but aligns the sentences in `wrong` one word too far."""

    aligner = "looks"

    def __init__(self, wrong=()):
        self.wrong = wrong

    def translate(self, source):
        return [WORLD.target_vocabulary.encode(pair.target) for pair in WORLD.test]

    def alignments(self, source, target):
        maps = np.zeros((*target.shape, source.shape[1]))
        for i, pair in enumerate(WORLD.test):
            for t, s in pair.links:
                maps[i, t, s + (i in self.wrong)] = 1
        return maps


def test_the_truth_is_measured_as_such():
    found = row.measure(Oracle(), WORLD, None)
    assert found["exact"] == found[row.LONG] == 1 and found["aer"] == 0
    assert all(value > 99.999 for name, value in found.items() if name.startswith("bleu"))


def test_wrong_links_count_by_target_words():
    words = [len(pair.target) for pair in WORLD.test]
    assert np.isclose(row.measure(Oracle({0, 5}), WORLD, None)["aer"], (words[0] + words[5]) / sum(words))


def test_the_attentions_start_from_the_same_translator():
    models = [row.translator(make, (11, 13), np.random.default_rng(0)) for make, _ in row.KINDS.values()]
    starts = [{k: v for k, v in m.state_dict().items() if "attention" not in k} for m in models]
    assert all(s.keys() == starts[0].keys() for s in starts)
    assert all(np.array_equal(s[name], starts[0][name]) for s in starts for name in s)
