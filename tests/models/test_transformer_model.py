from functools import partial

import numpy as np
import pytest
from translators import MAKERS, sentences

from minattn.attention import LearnedPositions
from minattn.autodiff import Tensor, ops
from minattn.errors import ArgumentError
from minattn.models import MaskedLM, PostNorm, PreNorm, TiedTransformer, Transformer, gpt


def build(cls=Transformer, **settings):
    return cls(13, 17, d_model=12, n_heads=3, rng=np.random.default_rng(3), **settings)


def normal(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def test_where_the_norm_stands():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 12)).astype(np.float32)

    def double(x):
        return x * 2.0

    pre, post = PreNorm(12, rng=rng), PostNorm(12, rng=rng)
    assert pre(Tensor(x), double).numpy() == pytest.approx(x + 2 * normal(x), abs=1e-5)
    assert post(Tensor(x), double).numpy() == pytest.approx(normal(3 * x), abs=1e-5)
    assert pre.last(12).d == 12 and post.last(12) is None


def test_dropout_comes_with_the_residual():
    model = build(residual=partial(PreNorm, dropout=0.5))
    one, two = (model(*sentences()).numpy() for _ in range(2))
    assert np.abs(one - two).max() > 0.1
    model.eval()
    assert np.array_equal(model(*sentences()).numpy(), model(*sentences()).numpy())
    assert model.train().translate(sentences()[0]) == model.eval().translate(sentences()[0])


def test_the_tied_table_is_read_and_written():
    tied, free = build(TiedTransformer), build()
    assert free.n_parameters() - tied.n_parameters() == 17 * 12 + 17
    free.w_s.weight.data, free.w_s.bias.data = tied.target_embed.weight.data, np.zeros(17, dtype=np.float32)
    free.load_state_dict({**tied.state_dict(), **{k: v for k, v in free.state_dict().items() if "w_s" in k}})
    assert free(*sentences()).numpy() == pytest.approx(tied(*sentences()).numpy(), abs=1e-5)


@pytest.mark.parametrize("residual", [PreNorm, PostNorm])
def test_a_new_tied_model_knows_nothing(residual):
    assert build(TiedTransformer, residual=residual).loss(*sentences()).item() == pytest.approx(
        np.log(17), rel=0.05
    )


def test_without_positions_the_source_is_a_bag_of_words():
    source, target = sentences()
    source, target = source[:1], target[:1]
    shuffled = source[:, np.random.default_rng(1).permutation(7)]
    for positions, same in (([], True), (None, False)):
        model = build(positions=positions, n_layers=2)
        away = np.abs(model(source, target).numpy() - model(shuffled, target).numpy()).max()
        assert (away < 1e-5) == same


def test_learned_positions_belong_to_the_model():
    model = build(positions=[LearnedPositions(11, 12, rng=np.random.default_rng(5))])
    assert "positions.0.table.weight" in dict(model.named_parameters())
    ops.sum(model(*sentences())).backward()
    assert np.any(model.positions[0].table.weight.grad[:9]) and not np.any(
        model.positions[0].table.weight.grad[9:]
    )


def test_layers_of_the_decoder_look_at_the_encoder():
    model = MAKERS["transformer"](np.random.default_rng(3))
    assert model.aligner is model.decoder[1].cross and len(model.encoder) == len(model.decoder) == 2


@pytest.mark.parametrize("sizes", [{"n_layers": 0}, {"d_model": 0}, {"n_heads": 5}, {"d_model": 2.5}])
def test_impossible_sizes_are_refused(sizes):
    given = {"d_model": 12, "n_heads": 3, "rng": np.random.default_rng(0), **sizes}
    for make in (
        lambda: Transformer(13, 17, **given),
        lambda: MaskedLM(13, **given),
        lambda: gpt(13, **given),
    ):
        with pytest.raises(ArgumentError, match="expected"):
            make()
