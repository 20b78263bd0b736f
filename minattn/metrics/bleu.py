"""BLEU: how many runs of 1 to 4 words of a translation stand in the reference too."""

import math
from collections import Counter

from minattn.errors import ArgumentError, DTypeError


def bleu(hypotheses, references, *, max_n=4, smooth=True):
    """Corpus BLEU in percent, one reference a sentence.

        BLEU = 100 BP exp( (1/4) sum_n log p_n ),    BP = min(1, exp(1 - r/c))        (Papineni et al. 2002)

    p_n is the share of the n-grams of all hypotheses that their reference has too, each counted at most as
    often as there; c and r are the total lengths.

    hypotheses, references    lists of sentences, each a list of words or ids
    smooth                    a p_n without any match counts as 1/2, 1/4, ... match (the first, the second
                              such n) as in sacrebleu; otherwise it makes BLEU 0

    Returns 0 .. 100; 0 where no word matches or no hypothesis has `max_n` words.

    >>> round(bleu([["the", "cat", "sat", "there", "now"]], [["the", "cat", "sat", "there", "too"]]), 2)
    66.87

    Ours: equals sacrebleu's corpus_bleu(tokenize="none") on single references.
    """
    hypotheses, references = _sentences(hypotheses), _sentences(references)
    if len(hypotheses) != len(references) or not hypotheses:
        raise ArgumentError(
            "bleu",
            expected="as many hypotheses as references, one or more",
            got=f"{len(hypotheses)} and {len(references)}",
            hint="one reference for each hypothesis",
        )
    if max_n < 1:
        raise ArgumentError("bleu", expected="max_n >= 1", got=max_n, hint="max_n=4")
    correct, total = [0] * max_n, [0] * max_n
    for hypothesis, reference in zip(hypotheses, references):
        for n in range(1, max_n + 1):
            found = _ngrams(hypothesis, n)
            correct[n - 1] += (found & _ngrams(reference, n)).total()
            total[n - 1] += found.total()
    length, wanted = sum(map(len, hypotheses)), sum(map(len, references))
    return 100 * _brevity(length, wanted) * _mean_precision(correct, total, smooth)


def _ngrams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _brevity(length, wanted):
    """Punish a translation that is too short: 1 if c >= r, else exp(1 - r/c)."""
    if length >= wanted:
        return 1.0
    return math.exp(1 - wanted / length) if length else 0.0


def _mean_precision(correct, total, smooth):
    """The geometric mean of correct/total."""
    if not any(correct) or not all(total):
        return 0.0
    logs, half = 0.0, 1.0
    for found, there_are in zip(correct, total):
        if found == 0:
            if not smooth:
                return 0.0
            half /= 2
            found = half
        logs += math.log(found / there_are)
    return math.exp(logs / len(total))


def _sentences(sentences):
    sentences = list(sentences)
    for sentence in sentences:
        if isinstance(sentence, str) or not hasattr(sentence, "__len__"):
            raise DTypeError(
                "bleu",
                expected="sentences as lists of words",
                got=repr(sentence)[:60],
                hint="sentence.split()",
            )
    return sentences
