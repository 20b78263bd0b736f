import numpy as np

from minattn import attention as A
from minattn.attention.recording import is_recorded
from minattn.nn import Linear, Module

M, H = 12, 3


class Layer(Module):
    def __init__(self, rng):
        self.self_attention = A.multi_head(M, H, rng=rng, masks=[A.Causal()])
        self.cross_attention = A.multi_head(M, H, rng=rng)
        self.mix = Linear(M, M, rng=rng)

    def forward(self, x, context):
        x = x + self.self_attention(x)
        return self.mix(x + self.cross_attention(x, context))


class Model(Module):
    def __init__(self, rng):
        self.layers = [Layer(rng), Layer(rng)]
        self.last = A.luong_dot()

    def forward(self, x, context):
        for layer in self.layers:
            x = layer(x, context)
        return self.last(x, context)


PATHS = [
    "layers.0.self_attention", "layers.0.cross_attention",
    "layers.1.self_attention", "layers.1.cross_attention", "last",
]  # fmt: skip


def test_every_attention_is_recorded_under_its_path_and_nothing_changes(rng):
    model, x, context = Model(rng), rng.normal(size=(2, 5, M)), rng.normal(size=(2, 7, M))
    expected = model(x, context).numpy()
    with A.record(model) as traces:
        out = model(x, context).numpy()
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert list(traces) == PATHS
    assert traces["layers.1.self_attention"].weights.shape == (2, H, 5, 5)
    assert traces["layers.1.cross_attention"].weights.shape == (2, H, 5, 7)
    np.testing.assert_array_equal(traces["last"].out.numpy(), out)


def test_after_the_block_nothing_is_recorded_even_after_an_error(rng):
    model = Model(rng)
    try:
        with A.record(model) as traces:
            assert is_recorded(model.last)
            model(np.ones((2, 5, M)), np.ones((3, 7, M)))
    except ValueError:
        pass
    assert not is_recorded(model.last) and list(traces) == ["layers.0.self_attention"]
    model(np.ones((2, 5, M)), np.ones((2, 7, M)))
    assert list(traces) == ["layers.0.self_attention"]


def test_the_latest_call_counts_unless_every_call_is_asked_for(rng):
    attention = A.luong_dot()
    with A.record(attention) as latest, A.record(attention, every=True) as all_calls:
        for t in range(1, 4):
            attention(rng.normal(size=(2, 1, 5)), rng.normal(size=(2, t, 5)))
    assert latest[""].weights.shape == (2, 1, 1, 3)
    assert [t.weights.shape[-1] for t in all_calls[""]] == [1, 2, 3] and all_calls[""][-1] is latest[""]


def test_blocks_of_one_model_inside_each_other_both_record(rng):
    model, given = Model(rng), (np.ones((2, 5, M)), np.ones((2, 7, M)))
    with A.record(model) as outer:
        with A.record(model.layers[0]) as inner:
            model(*given)
        model(*given)
    assert list(outer) == PATHS and list(inner) == ["self_attention", "cross_attention"]
    assert inner["self_attention"] is not outer["layers.0.self_attention"]


def test_other_models_are_not_recorded(rng):
    with A.record(A.luong_dot()) as traces:
        A.luong_dot()(np.ones((2, 3, 5)))
    assert traces == {}
