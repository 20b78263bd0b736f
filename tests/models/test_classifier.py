"""The encoder that names the class of a sentence and of its words."""

import numpy as np
import pytest

from minattn import gradcheck, precision
from minattn.errors import ShapeError
from minattn.models import Classifier

B, T, M = 3, 7, 10


@pytest.fixture
def model():
    return Classifier(
        17, 2, n_tags=5, d_model=M, heads=(2, 5), d_ff=12, max_len=T, rng=np.random.default_rng(1)
    )


def test_answers_and_sizes(model):
    of_class, of_words = model(np.ones((B, T), dtype=int))
    assert of_class.shape == (B, 2) and of_words.shape == (B, T, 5)
    assert [layer.attention.projection.n_heads for layer in model.layers] == [2, 5]
    assert model.layers[0].feed_forward.w_1.n_out == 12
    plain = Classifier(17, 2, max_len=T, rng=np.random.default_rng(1))
    assert plain(np.ones((B, T), dtype=int))[1] is None and len(plain.layers) == 3


def test_padding_is_not_attended_to(model):
    ids = np.random.default_rng(2).integers(1, 17, (B, 5))
    padded = np.pad(ids, ((0, 0), (0, 2)))
    for short, long in zip(model(ids), model(padded)):
        np.testing.assert_allclose(long.numpy()[:, :5], short.numpy(), atol=1e-5)


def test_losses_are_those_of_each_sentence(model):
    rng = np.random.default_rng(2)
    ids, labels = rng.integers(1, 17, (B, T)), rng.integers(2, size=B)
    tags = rng.integers(5, size=(B, T))
    tags[:, 0], tags[0, 3:], tags[1] = -1, -1, -1
    of_class, of_words = (x.numpy() for x in model(ids))

    def surprise(logits, target):
        return np.log(np.exp(logits).sum()) - logits[target]

    for b, loss in enumerate(model.losses(ids, labels, tags).numpy()):
        words = [surprise(of_words[b, t], tags[b, t]) for t in range(T) if tags[b, t] >= 0]
        expected = surprise(of_class[b], labels[b]) + (np.mean(words) if words else 0)
        assert loss == pytest.approx(expected, abs=1e-5)
    alone = model.losses(ids, labels).numpy()
    assert alone[2] < model.losses(ids, labels, tags).numpy()[2]
    assert alone[1] == pytest.approx(model.losses(ids, labels, tags).numpy()[1], abs=1e-6)  # no tagged word


def test_gradients(model):
    ids, labels = np.random.default_rng(2).integers(1, 17, (B, T)), np.array([0, 1, 1])
    with precision(64):
        weight = model.layers[1].attention.projection.w_v.weight

        def loss(w):
            model.layers[1].attention.projection.w_v.weight = w
            return model.losses(ids, labels, np.full((B, T), 2))

        gradcheck(loss, weight.numpy().astype(float), most=30, atol=1e-5)


def test_sentences_longer_than_max_len_are_refused(model):
    with pytest.raises(ShapeError, match="at most"):
        model(np.ones((B, T + 1), dtype=int))
