import numpy as np
import pytest

from minattn.attention import LearnedPositions, mixers
from minattn.autodiff import precision
from minattn.errors import ArgumentError, ShapeError
from minattn.models import TinyTransformer
from minattn.nn.optim import AdamW
from minattn.worlds import facts


def tiny(seed=0, n_layers=2, d_ff=16, **options):
    rng = np.random.default_rng(seed)
    layers = [mixers.load("softmax")(8, 2, rng=rng) for _ in range(n_layers)]
    return TinyTransformer((11, 5), 4, layers, d_model=8, d_ff=d_ff, rng=rng, **options)


@pytest.mark.parametrize("d_ff", [16, 0, (0, 16)])
@pytest.mark.parametrize("positions", [None, LearnedPositions(17, 8, rng=np.random.default_rng(1))])
def test_steps_give_the_logits_of_the_whole(positions, d_ff):
    inputs = np.random.default_rng(2).integers(0, (11, 5), size=(3, 7, 2))
    with precision(64):
        model = tiny(positions=positions, d_ff=d_ff)
        whole, state = model(inputs).data, None
        for t in range(7):
            logits, state = model.step(inputs[:, t : t + 1], state)
            np.testing.assert_allclose(logits.data[:, 0], whole[:, t], atol=1e-9)


def test_loss_and_accuracy_count_the_asked_tokens_alone():
    batch = facts.mqar(np.random.default_rng(3), 5, n_facts=2, n_keys=3, n_values=4, n_fillers=8, length=9)
    model = tiny()
    logits = model(batch["inputs"]).data
    away = logits - logits.max(-1, keepdims=True)
    surprise = (
        np.log(np.exp(away).sum(-1)) - np.take_along_axis(away, batch["targets"][..., None], -1)[..., 0]
    )
    assert model.loss(batch).item() == pytest.approx(surprise[batch["asked"]].mean(), rel=1e-5)
    right = (logits.argmax(-1) == batch["targets"])[batch["asked"]]
    assert model.accuracy(batch) == pytest.approx(right.mean())


def test_one_layer_learns_to_recall():
    sizes = dict(n_facts=2, n_keys=3, n_values=4, n_fillers=8, length=7)
    model, rng = tiny(n_layers=1), np.random.default_rng(4)
    optimiser = AdamW(model.parameters(), lr=2e-2)
    for _ in range(150):
        optimiser.zero_grad()
        model.loss(facts.mqar(rng, 32, **sizes)).backward()
        optimiser.step()
    assert model.accuracy(facts.mqar(rng, 300, **sizes)) > 0.9  # chance: 0.25


def test_wrong_channels_are_named():
    with pytest.raises(ShapeError, match="channel"):
        tiny()(np.zeros((2, 3), dtype=int))


def test_blocks_may_be_left_out_layer_by_layer():
    sizes = [tiny(d_ff=d_ff).n_parameters() for d_ff in (0, (0, 16), (16, 16), 16)]
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]
    assert sizes[1] - sizes[0] == 2 * 8 * 16 + 16 + 8 + 8  # a block and its norm
    with pytest.raises(ArgumentError, match="one a layer"):
        tiny(d_ff=(16, 0, 16))
