"""Numbers that say how good an answer is. NumPy only; plain lists and arrays in, floats out.

accuracy    right tokens, right sequences, groups by length
bleu        translations
aer         alignments: attention maps against gold links
ibm1        the yardstick for alignments: what counting alone finds
surprise    perplexity and bits per character
ngram       the ruler for language models
rank        along how many directions a matrix acts
concentration   how concentrated a matrix of weights is
"""

from minattn.metrics.accuracy import accuracy, by_length, exact_match
from minattn.metrics.aer import aer, argmax_links
from minattn.metrics.bleu import bleu
from minattn.metrics.concentration import entropy, log_variance, spectral_gap
from minattn.metrics.ibm1 import IBM1
from minattn.metrics.ngram import NGram
from minattn.metrics.rank import effective_rank
from minattn.metrics.surprise import bits_per_character, perplexity

__all__ = [
    "IBM1", "NGram", "accuracy", "aer", "argmax_links", "bits_per_character", "bleu", "by_length",
    "effective_rank", "entropy", "exact_match", "log_variance", "perplexity", "spectral_gap",
]  # fmt: skip
