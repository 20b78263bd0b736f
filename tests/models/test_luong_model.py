import numpy as np
import pytest
from translators import MAKERS, sentences

from minattn.attention import Attention, General, Identity, luong_dot, record
from minattn.models import InputFeedingLuong, Luong

SIZES = {"d_embed": 6, "d_encoder": 5, "d_decoder": 10}


def build(cls=Luong, attention=None):
    return cls(13, 17, **SIZES, attention=attention, rng=np.random.default_rng(3))


def test_dot_is_general_with_the_identity():
    score = General(10, 10, rng=np.random.default_rng(0))
    score.w_a.data = np.eye(10, dtype=np.float32)[None]
    dot, general = build(), build(attention=Attention(Identity(), score=score))
    assert general(*sentences()).numpy() == pytest.approx(dot(*sentences()).numpy(), abs=1e-5)


def test_the_equations_by_hand():
    model, (source, target) = build(), sentences()
    with record(model) as traces:
        logits = model(source, target).numpy()
    trace = traces["attention"]
    h, context = trace.q.numpy()[:, 0], trace.weights.numpy()[:, 0] @ trace.k.numpy()[:, 0]
    attentional = np.tanh(np.concatenate([context, h], axis=-1) @ model.w_c.weight.numpy().T)
    wanted = attentional @ model.w_s.weight.numpy().T + model.w_s.bias.numpy()
    assert logits == pytest.approx(wanted, abs=1e-5)


def test_location_ignores_the_source_words():
    model = MAKERS["location"](np.random.default_rng(3))
    state = model.start(sentences()[0])
    other = model.start(sentences(seed=5)[0])
    _, target = sentences()
    maps = []
    for memory in (state.memory, other.memory):
        with record(model) as traces:
            model.decode(target, type(state)(memory, state.valid, state.hidden))
        maps.append(traces["attention"].weights.numpy())
    assert np.array_equal(*maps) and not np.array_equal(state.memory.numpy(), other.memory.numpy())


def test_input_feeding_without_its_weights_is_luong():
    fed, plain = build(InputFeedingLuong, luong_dot()), build()
    state = fed.state_dict()
    w_x = state["gru.scans.0.w_x"]
    assert w_x.shape[1] == 6 + 10
    w_x[:, 6:] = 0  # the part that reads the former attentional state
    fed.load_state_dict(state)
    plain.load_state_dict({**state, "gru.scans.0.w_x": w_x[:, :6]})
    assert fed(*sentences()).numpy() == pytest.approx(plain(*sentences()).numpy(), abs=1e-5)
    w_x[:, 6:] = 1
    fed.load_state_dict(state)
    assert np.abs(fed(*sentences()).numpy() - plain(*sentences()).numpy()).max() > 1e-2
