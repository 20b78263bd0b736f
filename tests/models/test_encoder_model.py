import numpy as np
import pytest

from minattn.attention import LearnedPositions
from minattn.autodiff import ops
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.models import MaskedLM, PreNorm, hide_tokens

V, MASK = 29, 28


def ids(batch=7, length=11):
    drawn = np.random.default_rng(0).integers(3, MASK, size=(batch, length))
    drawn[2:, 8:] = 0
    return drawn


def test_the_shares_of_hidden_random_and_kept_tokens():
    truth = np.random.default_rng(1).integers(3, MASK, size=(101, 503))
    hidden, chosen = hide_tokens(truth, np.random.default_rng(0), mask=MASK, n_tokens=V)
    assert chosen.mean() == pytest.approx(0.15, abs=0.01)
    assert (hidden[chosen] == MASK).mean() == pytest.approx(0.8, abs=0.02)
    kept = (hidden == truth)[chosen].mean()  # 10 %, and one of 25 random tokens is the true one
    assert kept == pytest.approx(0.1 + 0.1 / 25, abs=0.02)
    assert np.array_equal(hidden[~chosen], truth[~chosen])
    assert set(np.unique(hidden[chosen])) == set(range(3, V))


def test_padding_is_never_chosen_and_every_row_has_one():
    hidden, chosen = hide_tokens(ids(), np.random.default_rng(0), mask=MASK, n_tokens=V, share=1e-6)
    assert chosen.sum(axis=1).tolist() == [1] * 7 and not chosen[ids() == 0].any()
    hidden, chosen = hide_tokens(ids() * 0, np.random.default_rng(0), mask=MASK, n_tokens=V)
    assert not chosen.any() and not hidden.any()


def test_a_mask_id_below_the_words_is_no_random_token():
    hidden, chosen = hide_tokens(
        ids() + 2, np.random.default_rng(0), mask=4, n_tokens=V + 2, first=5, share=1.0
    )
    assert hidden[chosen].min() == 4 and not (hidden[(ids() > 0)] == 3).any()


@pytest.mark.parametrize(
    "error, changes",
    [
        (DTypeError, {"ids": ids() * 1.0}),
        (ArgumentError, {"ids": ids()[0]}),
        (ArgumentError, {"ids": ids()[:0]}),
        (ArgumentError, {"mask": V}),
        (ArgumentError, {"share": 0.0}),
        (ArgumentError, {"ids": ids() + V}),
    ],
)
def test_hiding_refuses_what_does_not_fit(error, changes):
    given = {"ids": ids(), "mask": MASK, "n_tokens": V, **changes}
    with pytest.raises(error, match="expected"):
        hide_tokens(given.pop("ids"), np.random.default_rng(0), **given)


@pytest.fixture(params=["post", "pre", "learned"])
def model(request):
    rng = np.random.default_rng(3)
    given = {"pre": {"residual": PreNorm}, "learned": {"positions": [LearnedPositions(13, 12, rng=rng)]}}
    return MaskedLM(V, d_model=12, n_heads=3, n_layers=2, rng=rng, **given.get(request.param, {}))


def test_every_token_sees_both_sides_but_no_padding(model):
    truth = ids()
    other = truth.copy()
    other[:, 4] = 5
    away = np.abs(model(truth).numpy() - model(other).numpy()).max(axis=-1)
    assert away[:2].min() > 1e-6 and away[2:, :8].min() > 1e-6
    assert model(truth[3:4, :8]).numpy() == pytest.approx(model(truth).numpy()[3:4, :8], abs=2e-5)


def test_the_loss_counts_the_chosen_tokens_only(model):
    truth = ids()
    hidden, chosen = hide_tokens(truth, np.random.default_rng(0), mask=MASK, n_tokens=V)
    log_probs = ops.log_softmax(model(hidden)).numpy()
    picked = np.take_along_axis(log_probs, truth[..., None], axis=-1)[..., 0]
    loss = model.loss(truth, hidden, chosen)
    assert loss.item() == pytest.approx(-picked[chosen].mean(), rel=1e-4)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_nothing_to_guess_and_wrong_ids_are_refused(model):
    with pytest.raises(ArgumentError, match="guess"):
        model.loss(ids(), ids(), np.zeros(ids().shape, dtype=bool))
    with pytest.raises(ShapeError, match="expected"):
        model(ids()[0])
