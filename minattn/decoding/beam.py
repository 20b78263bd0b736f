"""Beam search: follow the `width` best beginnings of each sentence side by side."""

import numpy as np

from minattn.decoding import _step
from minattn.errors import ArgumentError, ShapeError


def beam(step, start, *, end, width=4, max_len, length_penalty=0.6, features=None):
    """Search for the sentence of highest score.

        score(Y) = log p(Y) / lp(Y),    lp(Y) = ( (5 + |Y|) / 6 )^length_penalty           (Wu et al., eq. 14)

    Of all continuations of the live beginnings the `width` best are looked at: those that say `end` are
    finished, the best others live on. A sentence stops when `width` are finished or after `max_len` tokens;
    beginnings that are cut off there count too. |Y| counts the tokens said, `end` included.

    step              step(prefix (N*width, t)) -> log-probabilities (N*width, V); row n*width + b is beam b
                      of sentence n; `step.reorder(rows)`, if there is one, is called before each next step
    start             (N,) or (N, t) integers
    end               the token that finishes a sentence
    width             beams of a sentence; 1 is greedy
    max_len           most tokens to add; `end` counts as one
    length_penalty    0: plain log-probability, which likes short sentences
    features          features(prefix, log_probs) -> (N*width, V), what to add; -inf forbids a token

    Returns (sentences, scores): N lists of ids without start and end, and their scores (N,).

    Source: arXiv 1609.08144. Ours: no coverage penalty (use `features`).
    """
    width = _step.count("beam", "width", width)
    if not 0 <= length_penalty < np.inf:
        raise ArgumentError(
            "beam", expected="length_penalty >= 0", got=length_penalty, hint="length_penalty=0.6"
        )
    search = _Search(_step.rows("beam", start), width)
    for length in range(1, _step.count("beam", "max_len", max_len) + 1):
        worth = ((5 + length) / 6) ** -length_penalty
        log_probs = _step.ask("beam", step, search.tokens, end)
        origin = search.extend(_wished(log_probs, features, search.tokens), end, worth)
        if not search.alive():
            break
        if length < max_len and hasattr(step, "reorder"):
            step.reorder(origin)
    search.cut_off(worth)
    return search.best()


def _wished(log_probs, features, prefix):
    """`log_probs` plus what the callback asks for."""
    if features is None:
        return log_probs
    wish = np.asarray(features(prefix, log_probs))
    if wish.shape != log_probs.shape:
        raise ShapeError(
            "beam",
            expected=f"features returns {log_probs.shape}",
            got=wish.shape,
            hint="np.zeros_like(log_probs)",
        )
    return log_probs + wish


class _Search:
    """The live beginnings of all sentences and the sentences finished so far."""

    def __init__(self, start, width):
        self.n, self.first = start.shape
        self.width = width
        self.tokens = np.repeat(start, width, axis=0)
        self.total = np.full((self.n, width), -np.inf)  # log-probability; -inf: no beginning here
        self.total[:, 0] = 0
        self.finished = [[] for _ in range(self.n)]

    def extend(self, log_probs, end, worth):
        """Add one token to each beginning; returns the row (N*width,) that each new row comes from."""
        n_tokens = log_probs.shape[1]
        options = (self.total[:, :, None] + log_probs.reshape(self.n, self.width, n_tokens)).reshape(
            self.n, -1
        )
        # At most `width` options say `end`, so among 2 * width there are `width` that go on.
        order = np.argsort(-options, axis=1, kind="stable")[:, : 2 * self.width]
        total = np.take_along_axis(options, order, axis=1)
        parent, token = order // n_tokens + np.arange(self.n)[:, None] * self.width, order % n_tokens
        over = token == end
        for sentence, rank in np.argwhere(over[:, : self.width] & (total[:, : self.width] > -np.inf)):
            self._finish(sentence, parent[sentence, rank], total[sentence, rank] * worth)
        total[over] = -np.inf
        keep = np.argsort(over, axis=1, kind="stable")[:, : self.width]
        self.total, parent, token = (np.take_along_axis(a, keep, axis=1) for a in (total, parent, token))
        self.total[[len(done) >= self.width for done in self.finished]] = -np.inf
        self.tokens = np.concatenate([self.tokens[parent.ravel()], token.reshape(-1, 1)], axis=1)
        return parent.ravel()

    def alive(self):
        """Whether any sentence still has a beginning to go on with."""
        return bool((self.total > -np.inf).any())

    def cut_off(self, worth):
        """Count the beginnings that are still alive as finished."""
        for sentence, b in np.argwhere(self.total > -np.inf):
            self._finish(sentence, sentence * self.width + b, self.total[sentence, b] * worth)

    def best(self):
        """The finished sentence of highest score for each start, and the scores (N,)."""
        best = [max(done, key=lambda entry: entry[0], default=(-np.inf, [])) for done in self.finished]
        return [said for _, said in best], np.array([score for score, _ in best])

    def _finish(self, sentence, row, score):
        self.finished[sentence].append((float(score), self.tokens[row, self.first :].tolist()))
