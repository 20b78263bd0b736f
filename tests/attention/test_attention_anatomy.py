import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, precision
from minattn import attention as A
from minattn.nn import Dropout

B, T, S, H, D = 2, 5, 7, 3, 4
M = H * D
SLOTS = {
    "plain": lambda rng: {},
    "general": lambda rng: {"score": A.General(D, D, rng=rng, n_heads=H)},
    "concat": lambda rng: {"score": A.Concat(D, D, 5, rng=rng)},
    "additive": lambda rng: {"score": A.Additive(D, D, 5, rng=rng)},
    "location": lambda rng: {"score": A.Location(D, 11, rng=rng)},
    "rotary": lambda rng: {"positions": [A.Rotary(D)]},
    "alibi": lambda rng: {"positions": [A.ALiBi(H)]},
    "relative": lambda rng: {"positions": [A.Relative(D, 2, rng=rng)]},
    "cope": lambda rng: {"positions": [A.CoPE(3, D)]},
    "window": lambda rng: {"masks": [A.Window(1)]},
    "sparsemax": lambda rng: {"weights": A.Sparsemax()},
    "relu": lambda rng: {"weights": A.ReLU()},
    "rela": lambda rng: {"weights": A.ReLA(M)},
    "local": lambda rng: {"weights": A.LocalGaussian(D, 2, rng=rng)},
}


def build(name, rng, causal=False, projection=None):
    slots = SLOTS[name](rng)
    if causal:
        slots["masks"] = [*slots.get("masks", ()), A.Causal()]
    attention = A.Attention(projection or A.MultiHead(M, H, rng=rng), **slots)
    for parameter in attention.parameters():
        parameter.data = rng.normal(size=parameter.shape).astype(parameter.dtype) * 0.5
    return attention


@pytest.mark.parametrize("name", SLOTS)
def test_gradients_of_x_context_and_every_parameter(rng, name):
    with precision(64):
        attention = build(name, rng, projection=A.GroupedQuery(4, 2, 1, rng=rng) if name == "plain" else None)
    width = attention.projection.d_model
    modules, named = dict(attention.named_modules()), dict(attention.named_parameters())
    valid = np.array([[True, True, True], [True, False, True]])
    names = [n for n in named if not n.startswith("projection") or name == "plain"]

    def run(x, context, *values):
        for path, value in zip(names, values):
            module, _, attribute = path.rpartition(".")
            setattr(modules[module], attribute, value)
        return attention.trace(x, context, valid=valid).out

    given = rng.normal(size=(2, 2, width)), rng.normal(size=(2, 3, width))
    gradcheck(run, *given, *(named[n].data for n in names))


@pytest.mark.parametrize("name", SLOTS)
def test_a_causal_attention_never_looks_ahead(rng, name):
    attention, x = build(name, rng, causal=True), rng.normal(size=(B, T, M))
    for changed in range(1, T):
        other = x.copy()
        other[:, changed:] = rng.normal(size=other[:, changed:].shape)
        one, two = attention(x).numpy(), attention(other).numpy()
        np.testing.assert_array_equal(one[:, :changed], two[:, :changed])


@pytest.mark.parametrize("name", SLOTS)
def test_future_keys_get_exactly_zero_gradient_under_a_causal_mask(rng, name):
    attention, x = build(name, rng, causal=True), Tensor(rng.normal(size=(B, T, M)), requires_grad=True)
    attention.trace(x).out[:, 1].sum().backward()
    assert x.grad[:, :2].any() and not x.grad[:, 2:].any()


@pytest.mark.parametrize("name", SLOTS)
def test_what_stands_at_padding_changes_nothing(rng, name):
    attention, x, context = build(name, rng), rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    valid = np.arange(S) < np.array([[4], [7]])
    other = np.where(valid[..., None], context, 9.0)
    np.testing.assert_array_equal(
        attention(x, context, valid=valid).numpy(), attention(x, other, valid=valid).numpy()
    )


@pytest.mark.parametrize("name", SLOTS)
def test_a_query_that_may_attend_nowhere_gathers_zeros_with_finite_gradients(rng, name):
    attention, x = build(name, rng), Tensor(rng.normal(size=(B, T, M)) * 30, requires_grad=True)
    attention.projection.w_o.bias.data[:] = 0.0
    valid = np.array([[False] * T, [True] * T])
    for run in (lambda: attention.trace(x, valid=valid).out, lambda: attention(x, valid=valid)):
        x.grad = None
        out = run()
        out.sum().backward()
        assert not out.numpy()[0].any() and np.isfinite(out.numpy()).all() and np.isfinite(x.grad).all()
        assert not x.grad[0].any()


def test_the_record_holds_every_piece_in_the_order_of_the_steps(rng):
    attention = A.multi_head(M, H, rng=rng, masks=[A.Causal()])
    x, context = rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    t = attention.trace(x, context)
    shapes = {name: getattr(piece, "shape", None) for name, piece in vars(t).items()}
    assert shapes["q"] == shapes["heads"] == (B, H, T, D) and shapes["k"] == shapes["v"] == (B, H, S, D)
    assert shapes["scores"] == shapes["weights"] == (B, H, T, S) and shapes["out"] == shapes["x"] == (B, T, M)
    assert t.q_pos.tolist() == list(range(T)) and t.k_pos.tolist() == list(range(S))
    assert "weights  (2, 3, 5, 7)" in repr(t) and "valid    None" in repr(t)
    assert not t.weights.numpy()[..., ~t.mask].any()
    np.testing.assert_allclose(t.weights.numpy().sum(axis=-1), 1.0, rtol=1e-6)
    assert t == t and t != attention.trace(x, context), "records are compared by identity"


def test_heads_take_consecutive_rows_of_the_projections(rng):
    attention, x = A.multi_head(M, H, rng=rng), rng.normal(size=(B, T, M))
    t = attention.trace(x)
    rows = slice(D, 2 * D)
    q = x @ attention.projection.w_q.weight.data[rows].T
    np.testing.assert_allclose(t.q.numpy()[:, 1], q, atol=1e-5)


@pytest.mark.parametrize("half", [T - 1, T, 1e9])
def test_a_window_of_the_whole_length_is_full_attention(rng, half):
    plain, x = A.multi_head(M, H, rng=rng), rng.normal(size=(B, T, M))
    windowed = A.Attention(plain.projection, masks=[A.Window(half)])
    np.testing.assert_array_equal(plain(x).numpy(), windowed(x).numpy())


def test_attention_without_positions_does_not_see_order(rng):
    attention, x, order = A.multi_head(M, H, rng=rng), rng.normal(size=(B, T, M)), rng.permutation(T)
    np.testing.assert_allclose(attention(x).numpy()[:, order], attention(x[:, order]).numpy(), atol=1e-6)


@pytest.mark.parametrize("name", ["rotary", "alibi", "relative", "cope", "window"])
def test_only_distances_count(rng, name):
    attention, x = build(name, rng, causal=True), rng.normal(size=(B, T, M))
    np.testing.assert_allclose(attention(x).numpy(), attention(x, start=1000).numpy(), atol=2e-4)


def test_several_constant_biases_fuse_into_their_sum(rng):
    attention, x = A.multi_head(M, H, rng=rng, positions=[A.ALiBi(H), A.ALiBi(H)]), rng.normal(size=(B, T, M))
    once = A.Attention(attention.projection, positions=[A.ALiBi(H)])
    assert attention.fuses()
    np.testing.assert_allclose(attention(x).numpy(), attention.trace(x).out.numpy(), atol=1e-6)
    assert np.abs(attention(x).numpy() - once(x).numpy()).max() > 1e-3


def test_dropout_on_the_weights_acts_in_training_only(rng):
    drop = Dropout(0.5, rng=np.random.default_rng(3))
    plain, x = A.multi_head(M, H, rng=rng), rng.normal(size=(B, T, M))
    noisy = A.Attention(plain.projection, dropout=drop)
    assert not noisy.fuses() and (noisy.trace(x).weights.numpy() == 0).any()
    state = drop.rng.bit_generator.state
    called = noisy(x).numpy()
    drop.rng.bit_generator.state = state
    np.testing.assert_array_equal(called, noisy.trace(x).out.numpy())
    assert noisy.eval().fuses()
    np.testing.assert_array_equal(noisy(x).numpy(), plain(x).numpy())


@pytest.mark.parametrize("name", SLOTS)
@pytest.mark.parametrize("b, t, s", [(0, T, S), (B, 0, S)])
def test_an_empty_batch_or_no_query_gives_an_empty_answer(rng, name, b, t, s):
    attention = build(name, rng)
    x, context = np.ones((b, t, M)), np.ones((b, s, M))
    assert attention(x, context).shape == (b, t, M)
    assert attention.trace(x, context).out.shape == (b, t, M)


def test_no_key_at_all_gathers_zeros(rng):
    attention = A.multi_head(M, H, rng=rng)
    assert not attention(np.ones((B, T, M)), np.ones((B, 0, M))).numpy().any()


def test_a_mechanism_may_ask_for_arguments_and_leave_notes(rng):
    class Tree(A.positions.Position):
        needs, takes, fuses = ("tree",), ("sharpness",), False

        def bias(self, t):
            t.extra["seen"] = True
            return t.extra["tree"] * t.extra.get("sharpness", 1.0)

    attention, x = A.multi_head(M, H, rng=rng, positions=[Tree()]), rng.normal(size=(B, T, M))
    tree = rng.normal(size=(T, T)).astype(np.float32)
    one, two = attention.trace(x, tree=tree), attention.trace(x, tree=tree, sharpness=2.0)
    assert one.extra["seen"]
    added = two.scores.numpy() - one.scores.numpy()
    np.testing.assert_allclose(added, np.broadcast_to(tree, (B, H, T, T)), atol=1e-5)


def test_a_memory_changes_keys_values_and_places_together(rng):
    class Forget:
        """Drops the oldest key."""

        def remember(self, t):
            t.k, t.v, t.k_pos = t.k[:, :, 1:], t.v[:, :, 1:], t.k_pos[1:]

    attention = A.multi_head(M, H, rng=rng, memory=Forget(), masks=[A.Causal()], positions=[A.ALiBi(H)])
    x, valid = rng.normal(size=(B, T, M)), np.arange(T) > 0
    plain = A.Attention(attention.projection, masks=[A.Causal()], positions=[A.ALiBi(H)])
    expected = plain(x, valid=np.broadcast_to(valid, (B, T))).numpy()
    np.testing.assert_allclose(attention(x).numpy(), expected, atol=1e-6)


def test_no_grad_records_nothing(rng):
    with no_grad():
        assert not A.multi_head(M, H, rng=rng)(np.ones((B, T, M))).requires_grad
