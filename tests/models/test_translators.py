"""What every translator must do, whatever is inside."""

import numpy as np
import pytest
from translators import MAKERS, SOURCE, TARGET, sentences

from minattn import decoding
from minattn.attention import record
from minattn.autodiff import ops
from minattn.errors import ArgumentError, DTypeError, ShapeError

SEEING = sorted(MAKERS.keys() - {"plain"})


@pytest.fixture(params=sorted(MAKERS))
def model(request):
    return MAKERS[request.param](np.random.default_rng(3))


def log_probs(model, source, target):
    return ops.log_softmax(model(source, target)).numpy()


def test_reading_word_by_word_equals_reading_all_at_once(model):
    source, target = sentences()
    wanted = log_probs(model, source, target)
    step = model.stepper(source)
    prefix = np.concatenate([np.full((5, 1), 1), target], axis=1)
    for t in (0, 1, 2, 5, 8):  # the third call brings several new words at once
        assert step(prefix[:, : t + 1]) == pytest.approx(wanted[:, t], abs=2e-5)


def test_padding_changes_nothing(model):
    source, target = sentences()
    wide = np.pad(source, ((0, 0), (0, 4)))
    alone = log_probs(model, source[1:2, :4], target[1:2])
    assert log_probs(model, source, target)[1:2] == pytest.approx(alone, abs=2e-5)
    assert log_probs(model, wide, target) == pytest.approx(log_probs(model, source, target), abs=2e-5)


def test_a_word_depends_on_the_words_before_it_only(model):
    source, target = sentences()
    other = target.copy()
    other[:, 4:] = 5
    same = log_probs(model, source, target)[:, :5] - log_probs(model, source, other)[:, :5]
    assert np.abs(same).max() < 1e-6
    assert (
        np.abs(log_probs(model, source, target)[:, 5:] - log_probs(model, source, other)[:, 5:]).max() > 1e-4
    )


def test_reordered_rows_go_on_with_their_own_sentence(model):
    source, target = sentences()
    rows = np.array([3, 0, 0, 4])
    prefix = np.concatenate([np.full((5, 1), 1), target], axis=1)
    step, other = model.stepper(source), model.stepper(source[rows])
    step(prefix[:, :2])
    step.reorder(rows)
    other(prefix[rows, :2])
    assert step(prefix[rows, :3]) == pytest.approx(other(prefix[rows, :3]), abs=2e-5)


def test_every_parameter_gets_a_gradient(model):
    source, target = sentences()
    model.loss(source, target).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not np.any(p.grad)]
    keys = [name for name in without if name.endswith("w_k.bias")]  # softmax cannot see a shift of all scores
    assert without == keys or all(
        np.abs(dict(model.named_parameters())[n].grad).max() < 1e-6 for n in without
    )


def test_loss_is_the_mean_over_real_target_words(model):
    source, target = sentences()
    picked = np.take_along_axis(log_probs(model, source, target), target[..., None], axis=-1)[..., 0]
    assert model.loss(source, target).item() == pytest.approx(-picked[target != 0].mean(), rel=1e-4)
    assert model.loss(source, target, smoothing=0.3).item() != pytest.approx(
        -picked[target != 0].mean(), rel=1e-4
    )


def test_translate_follows_the_most_likely_word(model):
    source, _ = sentences()
    answers = model.translate(source, max_len=6)
    step, prefix = model.stepper(source), np.full((5, 1), 1)
    for _ in range(6):
        prefix = np.concatenate([prefix, step(prefix).argmax(-1)[:, None]], axis=1)
    assert answers == [decoding._step.cut(row[1:], 2) for row in prefix]
    beams = model.translate(source, width=3, max_len=6)
    assert len(beams) == 5 and all(0 <= i < TARGET for row in beams for i in row)
    assert model.translate(source[:1], width=1, max_len=6) == answers[:1]


@pytest.mark.parametrize("name", SEEING)
def test_alignments_are_distributions_over_real_source_words(name):
    model = MAKERS[name](np.random.default_rng(3))
    source, target = sentences()
    maps = model.alignments(source, target)
    assert maps.shape == (5, 9, 7) and isinstance(maps, np.ndarray)
    assert not maps[np.broadcast_to((source == 0)[:, None], maps.shape)].any()
    totals = maps.sum(axis=-1)
    if name == "local-m":  # a window may lie outside the sentence
        assert np.all(np.isclose(totals, 1, atol=1e-5) | (totals == 0))
    elif name == "local-p":
        assert np.all(totals <= 1 + 1e-5)
    else:
        assert totals == pytest.approx(np.ones((5, 9)), abs=1e-5)
    with record(model) as traces:
        model(source, target)
    recorded = [t.weights.numpy().mean(axis=1) for t in traces.values()]
    assert any(w.shape == maps.shape and np.allclose(w, maps, atol=1e-6) for w in recorded)


def test_plain_has_nothing_to_show():
    with pytest.raises(ArgumentError, match="attention"):
        MAKERS["plain"](np.random.default_rng(3)).alignments(*sentences())


@pytest.mark.parametrize(
    "error, change",
    [
        (ShapeError, lambda s, t: (s[0], t)),
        (ShapeError, lambda s, t: (s[:0], t[:0])),
        (ShapeError, lambda s, t: (s, t[:3])),
        (ShapeError, lambda s, t: (s, t[:, :0])),
        (DTypeError, lambda s, t: (s * 1.0, t)),
        (ArgumentError, lambda s, t: (s + SOURCE, t)),
        (ArgumentError, lambda s, t: (s, t + TARGET)),
    ],
)
def test_input_that_does_not_fit_is_refused(model, error, change):
    with pytest.raises(error, match="expected"):
        model.loss(*change(*sentences()))


def test_a_sentence_of_nothing_but_padding_gives_numbers(model):
    source, target = sentences()
    source[2] = target[3] = 0
    loss = model.loss(source, target)
    loss.backward()
    assert np.isfinite(loss.item())
    assert all(np.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert len(model.translate(source, max_len=3)) == 5


@pytest.mark.parametrize("valid", [np.ones((5, 6), dtype=bool), np.ones((5, 7))])
def test_valid_must_be_one_flag_a_word(model, valid):
    with pytest.raises((ShapeError, DTypeError), match="expected"):
        model.loss(*sentences(), valid=valid)


def test_a_prefix_must_grow(model):
    source, _ = sentences()
    step = model.stepper(source)
    step(np.full((5, 2), 1))
    with pytest.raises(ShapeError, match="new one"):
        step(np.full((5, 2), 1))
