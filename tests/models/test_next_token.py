"""One token through the kernels equals the model itself, which answers wherever they decline."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import backends, decoding, precision
from minattn.autodiff import ops
from minattn.backends import dispatch
from minattn.errors import ArgumentError, ShapeError
from minattn.models import LanguageModel, gpt
from minattn.nn import Dropout, FeedForward, LayerNorm, Linear, Module, Parameter, SwiGLU

V, WIDTH, HEADS = 29, 24, 6
IDS = np.random.default_rng(0).integers(0, V, size=(7, 43))


def build(heads=A.multi_head, positions="rotary", seed=3, masks=(), slots=None, **settings):
    rng = np.random.default_rng(seed)

    def attention():
        rotary = [A.Rotary(WIDTH // HEADS)] if positions == "rotary" else list(positions)
        return heads(WIDTH, HEADS, rng=rng, masks=[A.Causal(), *masks], positions=rotary, **(slots or {}))

    model = LanguageModel(V, d_model=WIDTH, n_layers=2, attention=attention, rng=rng, **settings)
    for parameter in model.parameters():
        parameter.data = parameter.data + rng.normal(size=parameter.shape).astype(parameter.dtype) * 0.1
    return model


def grouped(d_model, n_heads, **slots):
    return A.grouped_query(d_model, n_heads, 2, **slots)


def swiglu():
    return SwiGLU(WIDTH, 31, rng=np.random.default_rng(2))


def without_biases(d_model, n_heads, rng, **slots):
    return A.Attention(A.MultiHead(d_model, n_heads, rng=rng, bias=False), **slots)


PLAIN = {
    "rotary": build,
    "no positions": lambda: build(positions=()),
    "grouped, swiglu": lambda: build(grouped, feed_forward=swiglu),
    "one key head": lambda: build(A.multi_query),
    "no biases": lambda: build(without_biases),
}


def full(model, ids):
    """What the whole pass says of the next token."""
    with backends.using("numpy"):
        return ops.log_softmax(model(ids)).numpy()


def calls():
    """(tokens that went through the kernels, the reasons of the others) in this test."""
    reasons = {key[3] for key in dispatch.declined_log if key[0] == "next token"}
    return dispatch.kernel_log["next token", "numba", "forward"], reasons


@pytest.fixture(autouse=True)
def numba():
    dispatch.kernel_log.clear()
    dispatch.declined_log.clear()
    with backends.using("numba"):
        yield


@pytest.mark.parametrize("rows", [1, 3, 7])
@pytest.mark.parametrize("name", PLAIN)
def test_every_step_equals_the_whole_pass(name, rows):
    model, ids = PLAIN[name](), IDS[:rows]
    wanted, step = full(model, ids), model.stepper()
    for t in range(1, 44):  # room grows twice
        np.testing.assert_allclose(step(ids[:, :t]), wanted[:, t - 1], atol=1e-5)
    assert calls() == (43, set())


def test_one_token_and_several_take_turns():
    model = build(grouped)
    wanted, step = full(model, IDS), model.stepper()
    for t in (5, 6, 7, 18, 19, 20, 36, 37, 43):
        np.testing.assert_allclose(step(IDS[:, :t]), wanted[:, t - 1], atol=1e-5)
    assert calls() == (5, {"several new tokens at once"})


def test_the_bodies_run_without_the_compiler():
    ids = IDS[:2, :5]
    for name in PLAIN:
        model = PLAIN[name]()
        wanted, step = full(model, ids), model.stepper()
        with backends.without_compiler():
            for t in range(1, 6):
                np.testing.assert_allclose(step(ids[:, :t]), wanted[:, t - 1], atol=1e-5)
    assert calls() == (25, set())


def test_rows_are_picked_between_tokens():
    model, rows = build(), np.array([6, 2, 2, 0, 6])
    step = model.stepper()
    for t in (1, 2, 3):
        step(IDS[:, :t])
    step.reorder(rows)
    wanted = full(model, IDS[rows])
    for t in (4, 5, 9, 10):
        np.testing.assert_allclose(step(IDS[rows, :t]), wanted[:, t - 1], atol=1e-5)


def test_the_searches_write_the_same_texts():
    model, texts = build(seed=5), []
    for backend in ("numba", "numpy"):
        with backends.using(backend):
            greedy = decoding.greedy(model.stepper(), IDS[:3, :2], end=None, max_len=30)
            drawn = decoding.sample(
                model.stepper(), IDS[:3, :1], max_len=30, rng=np.random.default_rng(1), top_k=5
            )
            best, _ = decoding.beam(model.stepper(), IDS[:2, :2], end=3, width=3, max_len=20)
            texts.append((greedy, drawn, best))
    assert texts[0] == texts[1] and calls()[0] > 70


def test_parameters_and_modules_may_change_between_tokens():
    model, other = build(), build(seed=11)
    changed = [
        lambda: model.blocks[0].norm_2.gain.data.__setitem__(slice(3), 2.0),
        lambda: model.load_state_dict(other.state_dict()),
        lambda: setattr(model.blocks[1].feed_forward.w_1, "weight", Parameter(np.ones((4 * WIDTH, WIDTH)))),
        lambda: setattr(
            model.blocks[1].attention.projection, "w_o", other.blocks[0].attention.projection.w_q
        ),
        lambda: setattr(model.blocks[0], "feed_forward", FeedForward(WIDTH, 5, rng=np.random.default_rng(0))),
    ]
    for t, change in enumerate(changed, start=3):
        step, general = model.stepper(), model.stepper()
        for n in range(1, t):
            step(IDS[:, :n])
        with backends.using("numpy"):
            general(IDS[:, : t - 1])
        change()
        got = step(IDS[:, :t])
        with backends.using("numpy"):
            np.testing.assert_allclose(got, general(IDS[:, :t]), atol=1e-5)
    assert calls()[1] == set()


class Doubled(Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Nothing(Module):
    def forward(self, x):
        return 0 * x


class Other(LanguageModel):
    pass


def own_forward(module):
    forward = module.forward
    module.forward = lambda *given, **named: 2 * forward(*given, **named)


OTHERS = {
    "model": lambda m, b: setattr(m, "__class__", Other),
    "embedding": lambda m, b: setattr(m, "positions", A.Sinusoidal(WIDTH)),
    "last norm": lambda m, b: setattr(m, "norm", LayerNorm(WIDTH)),
    "norm": lambda m, b: setattr(b, "norm_1", LayerNorm(WIDTH)),
    "position": lambda m, b: setattr(b.attention, "positions", [A.ALiBi(HEADS)]),
    "two positions": lambda m, b: b.attention.positions.append(A.ALiBi(HEADS)),
    "window": lambda m, b: b.attention.masks.append(A.Window(3)),
    "score": lambda m, b: setattr(b.attention, "score", A.Dot()),
    "weights": lambda m, b: setattr(b.attention, "weights", A.Sparsemax()),
    "map": lambda m, b: setattr(
        b.feed_forward, "w_2", Doubled(4 * WIDTH, WIDTH, rng=np.random.default_rng(0))
    ),
    "feed-forward": lambda m, b: setattr(b, "feed_forward", Nothing()),
    "forward of a map": lambda m, b: own_forward(b.attention.projection.w_k),
    "forward of a block": lambda m, b: own_forward(b),
    "forward of the model": lambda m, b: own_forward(m),
}


@pytest.mark.parametrize("moment", ["before", "between"])
@pytest.mark.parametrize("name", OTHERS)
def test_whatever_is_not_plain_takes_the_general_way(name, moment):
    model, ids = build(), IDS[:2]
    step, general = model.stepper(), model.stepper()
    if moment == "between":
        for t in (1, 2):
            step(ids[:, :t])
        with backends.using("numpy"):
            general(ids[:, :2])
    before = calls()[0]
    OTHERS[name](model, model.blocks[1])
    for t in (3, 4):
        got = step(ids[:, :t])
        with backends.using("numpy"):
            np.testing.assert_allclose(got, general(ids[:, :t]), atol=2e-5)
    assert calls()[0] == before and len(calls()[1] - {"several new tokens at once"}) == 1


def test_somebody_who_records_sees_every_token():
    model = build()
    step = model.stepper()
    step(IDS[:1, :1])
    with A.record(model, every=True) as traces:
        step(IDS[:1, :2])
    assert {len(found) for found in traces.values()} == {1} and len(traces) == 2
    assert calls() == (1, {"somebody records"})


def test_dropout_never_acts_while_stepping():
    rng = np.random.default_rng(1)
    model = build(slots={"dropout": Dropout(0.5, rng=rng)}).train()
    step, wanted = model.stepper(), full(model.eval(), IDS)
    model.train()
    for t in (1, 2, 3):
        np.testing.assert_allclose(step(IDS[:, :t]), wanted[:, t - 1], atol=1e-5)
    assert calls() == (3, set()) and model.blocks[0].attention.dropout.training


def test_many_rows_float64_and_other_backends():
    many = np.repeat(IDS, 5, axis=0)
    model = build()
    step, wanted = model.stepper(), full(model, many[:, :2])
    for t in (1, 2):
        np.testing.assert_allclose(step(many[:, :t]), wanted[:, t - 1], atol=1e-5)
    with precision(64):
        double = build()
        double.stepper()(IDS[:, :1])
    with backends.using("numpy"):
        model.stepper()(IDS[:, :1])
    assert calls() == (0, {"many rows", "not float32"})


def test_what_does_not_fit_raises_as_ever():
    model = gpt(V, d_model=WIDTH, n_heads=HEADS, n_layers=2, rng=np.random.default_rng(0))
    for wrong in (IDS[:2, :1] + V, IDS[:2, :1] - V):
        with pytest.raises(ArgumentError, match="expected"):
            model.stepper()(wrong)
    model.blocks[1].feed_forward.w_2.weight.data = np.ones((WIDTH, 4 * WIDTH + 1), np.float32)
    with pytest.raises(ShapeError, match="expected"):
        model.stepper()(IDS[:2, :1])
    step = gpt(V, d_model=WIDTH, n_heads=HEADS, n_layers=2, rng=np.random.default_rng(0)).stepper()
    step(IDS[:2, :1])
    with pytest.raises(ShapeError, match="a new cache for a new batch"):
        step(IDS[:3, :2])
