"""Models on a pretended GPU: ids may come from the host, answers go back to it."""

import numpy as np
import pytest
from translators import MAKERS, sentences

from minattn import backends, decoding
from minattn.models import MaskedLM, PointerNetwork, gpt, hide_tokens
from minattn.nn.optim import Adam
from minattn.training import checkpoints, fit


def trained(model, batch, loss, path=None):
    fit(
        model,
        lambda rng: batch,
        loss,
        Adam(model.parameters(), lr=0.01),
        steps=2,
        clip=1.0,
        progress=False,
        checkpoint=path,
    )
    return model


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_translators(device, name):
    source, target = sentences()
    batch = {"source": source, "target": target}

    def run():
        model = MAKERS[name](np.random.default_rng(3))
        trained(model, batch, lambda m, b: m.loss(**b))
        maps = None if model.aligner is None else model.alignments(source, target)
        found = model.translate(source, max_len=4), model.translate(source, width=3, max_len=4)
        return backends.asnumpy(model(source, target).data), maps, found

    on_device = run()
    with backends.using("numpy"):
        on_host = run()
    assert on_device[0] == pytest.approx(on_host[0], abs=1e-4) and on_device[2] == on_host[2]
    assert on_host[1] is None or on_device[1] == pytest.approx(on_host[1], abs=1e-4)


def test_the_others_and_their_checkpoints(device, tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.integers(3, 19, size=(5, 7))
    hidden, chosen = hide_tokens(ids, rng, mask=19, n_tokens=20)
    runs = {
        "gpt": (gpt, {"ids": ids}, {"d_model": 12, "n_heads": 3, "n_layers": 2}),
        "masked": (MaskedLM, {"ids": ids, "hidden": hidden, "chosen": chosen}, {"d_model": 12, "n_heads": 3}),
        "pointer": (PointerNetwork, {"inputs": ids, "places": np.argsort(ids, axis=1)}, {"n_hidden": 10}),
    }
    for name, (make, batch, sizes) in runs.items():
        path = tmp_path / name
        model = trained(
            make(20, **sizes, rng=np.random.default_rng(3)), batch, lambda m, b: m.loss(**b), path
        )
        with backends.using("numpy"):
            twin = trained(make(20, **sizes, rng=np.random.default_rng(3)), batch, lambda m, b: m.loss(**b))
            read = checkpoints.load_model(path, make(20, **sizes, rng=rng)).state_dict()
        for key, value in model.state_dict().items():
            assert value == pytest.approx(twin.state_dict()[key], abs=1e-4) and np.array_equal(
                read[key], value
            )
        if name == "gpt":
            assert len(decoding.greedy(model.stepper(), ids[:, :2], end=None, max_len=3)) == 5
        if name == "pointer":
            assert np.array_equal(np.sort(model.point(ids)), np.tile(np.arange(7), (5, 1)))
