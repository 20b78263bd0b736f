import numpy as np
import pytest
from translators import MAKERS, sentences

from minattn.attention import record
from minattn.models import seq2seq


def test_the_old_state_asks_and_the_answer_enters_the_next():
    model = MAKERS["bahdanau"](np.random.default_rng(3))
    source, target = sentences()
    with record(model) as traces:
        model(source, target)
    trace = traces["attention"]
    start = model.start(source)
    assert np.array_equal(trace.q.numpy()[:, 0, 0], start.hidden.numpy())  # s_0 asks for the first word
    _, after = model.decode(np.full((5, 1), 1), start)
    assert trace.q.numpy()[:, 0, 1] == pytest.approx(after.hidden.numpy(), abs=1e-6)
    score = model.attention.score
    s, keys = start.hidden.numpy(), start.memory.numpy()
    e = np.tanh((s @ score.w.numpy()[0])[:, None] + keys @ score.u.numpy()[0]) @ score.v.numpy()[0, :, 0]
    e = np.where(source != 0, np.exp(e), 0)
    weights = e / e.sum(axis=1, keepdims=True)
    assert trace.weights.numpy()[:, 0, 0] == pytest.approx(weights, abs=1e-5)
    assert trace.out.numpy()[:, 0] == pytest.approx((weights[:, None] @ keys)[:, 0], abs=1e-5)


def test_the_record_holds_all_words():
    model = MAKERS["bahdanau"](np.random.default_rng(3))
    with record(model) as traces:
        model(*sentences())
    trace = traces["attention"]
    assert trace.weights.shape == (5, 1, 9, 7) and trace.out.shape == (5, 9, 10)
    assert trace.q_pos.tolist() == list(range(9))


def test_the_encoder_reads_both_ways_and_skips_padding():
    encoder = seq2seq.Encoder(13, 6, 5, 10, rng=np.random.default_rng(3))
    source, _ = sentences()
    states, start = encoder(source, source != 0)
    assert states.shape == (5, 7, 10) and start.shape == (5, 10)
    end = np.concatenate(
        [states.numpy()[np.arange(5), (source != 0).sum(1) - 1, :5], states.numpy()[:, 0, 5:]], axis=1
    )
    wanted = np.tanh(end @ encoder.w.weight.numpy().T + encoder.w.bias.numpy())
    assert start.numpy() == pytest.approx(wanted, abs=1e-6)
