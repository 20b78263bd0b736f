"""Check of `alignment_error_rate`: links found against sure and possible links."""

from ...exercise import Case, Exercise


def _rate(links, sure, possible):
    hits = (links & sure).sum() + (links & possible).sum()
    return 1 - hits / (links.sum() + sure.sum())


def alignment_error_rate(links, sure, possible):
    return _rate(links, sure, possible | sure)


def _sure_only(links, sure, possible):
    return _rate(links, sure, sure)


def _sure_not_possible(links, sure, possible):
    return _rate(links, sure, possible)


def _wrong_denominator(links, sure, possible):
    possible = possible | sure
    return 1 - ((links & sure).sum() + (links & possible).sum()) / (links.sum() + possible.sum())


def _precision(links, sure, possible):
    return 1 - (links & (possible | sure)).sum() / links.sum()


def _goodness(links, sure, possible):
    return 1 - alignment_error_rate(links, sure, possible)


def _mean_of_sentences(links, sure, possible):
    if links.ndim == 2:
        return alignment_error_rate(links, sure, possible)
    return sum(map(alignment_error_rate, links, sure, possible)) / len(links)


def _draw(rng, *shape):
    """Sure links, further possible ones, and guesses that are right more often than not."""
    sure = rng.random(shape) < 0.3
    possible = ~sure & (rng.random(shape) < 0.3)
    links = (
        (sure & (rng.random(shape) < 0.7))
        | (possible & (rng.random(shape) < 0.5))
        | (rng.random(shape) < 0.1)
    )
    sure[..., 0, 0], possible[..., 0, 0], links[..., 0, 0] = True, False, True
    sure[..., 0, 1], possible[..., 0, 1], links[..., 0, 1] = False, True, True
    sure[..., 1, 0], possible[..., 1, 0], links[..., 1, 0] = False, False, True
    return links, sure, possible


def _cases(rng):
    yield Case("a short sentence", _draw(rng, 5, 7))
    links, sure, possible = _draw(rng, 11, 7)
    yield Case("sure links listed as possible too", (links, sure, possible | sure))
    yield Case("a long sentence", _draw(rng, 23, 29))
    links, sure, possible = _draw(rng, 3, 7, 5)
    links[0, 2:] = False
    yield Case("three sentences", (links, sure, possible), weight=2)


EXERCISE = Exercise(
    reference=alignment_error_rate,
    title="Score an alignment",
    position=4,
    points=5,
    difficulty=1,
    minutes=15,
    cases=_cases,
    outputs=("rate",),
    misconceptions={
        "possible_links_ignored": (
            _sure_only,
            "A link that is possible but not sure counts as right in |A & P|.",
        ),
        "sure_links_not_possible": (
            _sure_not_possible,
            "Every sure link is possible too: use sure | possible for P.",
        ),
        "possible_links_in_the_denominator": (
            _wrong_denominator,
            "The denominator is |A| + |S|, without the possible links.",
        ),
        "precision_only": (
            _precision,
            "This is one minus precision: it does not punish sure links that were missed.",
        ),
        "not_an_error_rate": (_goodness, "You return how much is right; an error rate is one minus that."),
        "mean_of_the_sentences": (
            _mean_of_sentences,
            "Count links over all sentences first and divide once; the mean of rates weighs short sentences "
            "too much.",
        ),
    },
    hints=(
        "Three counts of True entries are enough: how many links, how many of them sure, how many of them "
        "possible.",
        "AER = 1 - (|A & S| + |A & P|) / (|A| + |S|), with P = possible | sure, counted over the whole "
        "array.",
        "One row of 3: links [1, 1, 0], sure [1, 0, 1], possible [0, 1, 0]: |A & S| = 1, |A & P| = 2, AER = "
        "1 - 3/4 = 1/4.",
    ),
)
