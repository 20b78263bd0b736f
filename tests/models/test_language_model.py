import numpy as np
import pytest

from minattn import decoding
from minattn.attention import (
    ALiBi,
    Causal,
    CoPE,
    LearnedPositions,
    Relative,
    Sinusoidal,
    Window,
    grouped_query,
    multi_head,
)
from minattn.autodiff import ops
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.models import LanguageModel, gpt
from minattn.nn import Dropout, LayerNorm, SwiGLU

V, WIDTH, HEADS = 29, 12, 3


def build(positions=(), masks=(), embedded=None, make=multi_head, **settings):
    rng = np.random.default_rng(3)
    given = {"d_model": WIDTH, "n_layers": 2, "positions": embedded, **settings}
    return LanguageModel(
        V,
        attention=lambda: make(WIDTH, HEADS, rng=rng, masks=[Causal(), *masks], positions=list(positions)),
        rng=rng,
        **given,
    )


MODELS = {
    "rotary": lambda: gpt(V, d_model=WIDTH, n_heads=HEADS, n_layers=2, rng=np.random.default_rng(3)),
    "alibi": lambda: build([ALiBi(HEADS)]),
    "relative": lambda: build([Relative(4, 3, rng=np.random.default_rng(1))]),
    "cope": lambda: build([CoPE(5, 4)]),
    "sinusoidal": lambda: build(embedded=Sinusoidal(WIDTH)),
    "learned": lambda: build(embedded=LearnedPositions(17, WIDTH, rng=np.random.default_rng(1))),
    "window": lambda: build([ALiBi(HEADS)], [Window(3)]),
    "grouped": lambda: build(make=lambda d, h, **kw: grouped_query(d, h, 1, **kw)),
    "layer norm, swiglu": lambda: build(
        norm=LayerNorm, feed_forward=lambda: SwiGLU(WIDTH, 17, rng=np.random.default_rng(2))
    ),
}
IDS = np.random.default_rng(0).integers(0, V, size=(5, 11))


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return MODELS[request.param]()


def test_the_cache_changes_nothing(model):
    wanted = ops.log_softmax(model(IDS)).numpy()
    step = model.stepper()
    for t in (3, 4, 5, 9, 11):
        assert step(IDS[:, :t]) == pytest.approx(wanted[:, t - 1], abs=2e-5)


def test_rows_can_be_picked_between_steps(model):
    rows, step = np.array([4, 4, 1]), model.stepper()
    step(IDS[:, :6])
    step.reorder(rows)
    assert step(IDS[rows, :8]) == pytest.approx(
        ops.log_softmax(model(IDS[rows, :8])).numpy()[:, -1], abs=2e-5
    )


def test_nobody_sees_the_future(model):
    other = IDS.copy()
    other[:, 6:] = (other[:, 6:] + 1) % V
    away = np.abs(model(IDS).numpy() - model(other).numpy()).max(axis=(0, 2))
    assert away[:6].max() < 1e-6 and away[6:].min() > 1e-4


def test_the_loss_is_that_of_the_next_token(model):
    log_probs = ops.log_softmax(model(IDS[:, :-1])).numpy()
    picked = np.take_along_axis(log_probs, IDS[:, 1:, None], axis=-1)
    assert model.loss(IDS).item() == pytest.approx(-picked.mean(), rel=1e-4)
    assert model.loss(IDS[:, :-1], IDS[:, 1:]).item() == pytest.approx(model.loss(IDS).item(), rel=1e-5)


def test_a_new_model_knows_nothing(model):
    assert model.loss(IDS).item() == pytest.approx(np.log(V), rel=0.05)


def test_the_table_is_shared():
    model = MODELS["rotary"]()
    names = [name for name, _ in model.named_parameters()]
    assert sum("embed" in name for name in names) == 1 and not any("w_s" in name for name in names)


def test_searches_run_on_the_stepper():
    model, rng = MODELS["rotary"](), np.random.default_rng(0)
    written = decoding.sample(model.stepper(), IDS[:, :3], max_len=4, rng=rng)
    assert [len(row) for row in written] == [4] * 5
    best = decoding.greedy(model.stepper(), IDS[:, :3], end=None, max_len=4)
    prefix = IDS[:, :3]
    for _ in range(4):
        prefix = np.concatenate([prefix, model(prefix).numpy()[:, -1].argmax(-1)[:, None]], axis=1)
    assert np.array_equal(best, prefix[:, 3:])


def test_stepping_is_without_dropout_and_leaves_the_mode():
    rng = np.random.default_rng(1)
    model = LanguageModel(
        V, d_model=WIDTH, n_layers=1, rng=rng,
        attention=lambda: multi_head(WIDTH, HEADS, rng=rng, masks=[Causal()], dropout=Dropout(0.5, rng=rng)),
    )  # fmt: skip
    model.train()
    assert np.array_equal(model.stepper()(IDS), model.stepper()(IDS)) and model.training
    assert not np.array_equal(model(IDS).numpy(), model(IDS).numpy())


def test_the_cache_holds_keys_and_values_of_every_layer():
    step = MODELS["rotary"]().stepper()
    step(IDS[:, :7])
    assert step.state.floats() == 2 * 2 * 5 * 7 * WIDTH  # layers, k and v, batch, tokens, width


@pytest.mark.parametrize(
    "error, ids",
    [
        (ShapeError, IDS[0]),
        (ShapeError, IDS[:0]),
        (ShapeError, IDS[:, :1]),
        (DTypeError, IDS * 1.0),
        (ArgumentError, IDS + V),
    ],
)
def test_ids_that_do_not_fit_are_refused(error, ids):
    with pytest.raises(error, match="expected"):
        MODELS["rotary"]().loss(ids)


def test_a_step_runs_in_eval_mode_and_leaves_every_module_as_it_was():
    model = MODELS["rotary"]()
    modules, seen, forward = model.modules(), [], model.forward
    model.forward = lambda *given: seen.append({m.training for m in modules}) or forward(*given)
    step = model.stepper()
    for n in (2, 3):
        step(IDS[:, :n])
        assert {m.training for m in modules} == {True}
    with pytest.raises(ShapeError):
        step(IDS[:, :3])
    model.eval()
    step(IDS[:, :4])
    assert {m.training for m in modules} == {False} and seen == [{False}] * 3
