import numpy as np
import pytest

from minattn.metrics import bleu

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("smooth, method", [(True, "exp"), (False, "none")])
def test_bleu_equals_sacrebleu(seed, smooth, method):
    import sacrebleu

    rng = np.random.default_rng(seed)
    n_words = int(rng.integers(2, 30))
    references = [rng.choice(n_words, rng.integers(1, 19)).astype(str).tolist() for _ in range(23)]
    hypotheses = [[w for w in r if rng.random() < 0.8] + ["7"] * int(rng.integers(0, 3)) for r in references]
    peer = sacrebleu.corpus_bleu(
        [" ".join(h) for h in hypotheses],
        [[" ".join(r) for r in references]],
        tokenize="none",
        smooth_method=method,
        force=True,
    )
    assert bleu(hypotheses, references, smooth=smooth) == pytest.approx(peer.score, abs=1e-9)


@pytest.mark.parametrize(
    "hypothesis", [[], ["x"], ["a", "b", "c"], ["a", "b", "c", "x", "y"], ["a", "x", "c", "y"]]
)
def test_bleu_equals_sacrebleu_where_matches_are_few(hypothesis):
    import sacrebleu

    reference = ["a", "b", "c", "d", "e"]
    peer = sacrebleu.corpus_bleu([" ".join(hypothesis)], [[" ".join(reference)]], tokenize="none", force=True)
    assert bleu([hypothesis], [reference]) == pytest.approx(peer.score, abs=1e-9)
