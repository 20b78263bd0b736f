"""73. Are sixteen heads really better than one? Switch heads off after training, and look.

encoder       3 layers x 8 heads tag words and judge sentences: heads go in the order of their importance, of
              its reverse, by chance, and of what really happens without each alone
translator    1 + 1 layers x 8 heads: which of the three attentions can do without heads?

Importance of a head: E_x |dL / dxi_h|, the gradient of its switch. Nothing is trained again.
"""

from functools import partial

import numpy as np

from ...autodiff import Tensor, no_grad, ops, precision
from ...interpret import (
    ablate,
    alone,
    gate_heads,
    gate_neurons,
    head_importance,
    multiplications,
    ranked,
    remove_heads,
    switch_off,
)
from ...models import Classifier, Transformer
from ...nn.optim import AdamW
from ...plots import curves, heatmap
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import parallel, sentiment
from ...worlds.language import pad
from ..base import Arm, Paper, at_least, at_most, mean

D, LONGEST, SHARES = 32, 12, np.linspace(0, 1, 11)
CROSS, DECODER, ENCODER = "decoder.0.cross", "decoder.0.attention", "encoder.0.attention"

PAPER = Paper(
    number=73,
    title="Are Sixteen Heads Really Better than One?",
    year=2019,
    arxiv="1905.10650",
    family="heads",
    slot="interpretation",
    lesson="reading-attention",
    claim="Many heads can be removed from trained transformers without noticeable loss, some layers need one "
    "only; attention between decoder and encoder needs its heads most.",
    choose="accuracy",
    budget_s=20,
)


def world(seed):
    """Sentences with an opinion and tags; sentences to translate."""
    names = ("train", "validation", "test")
    sets = dict(zip(names, sentiment.corpus(seed, 2000, 200, 400)))
    corpus = parallel.particles(seed, 2000, 400)
    pairs = [
        [pad(side, LONGEST)[0] for side in zip(*corpus.ids(some))] for some in (corpus.train, corpus.test)
    ]
    sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
    return dict(sentences=sets, sizes=sizes, pairs=dict(zip(("train", "test"), pairs)))


def encoder(rng, heads=(8, 8, 8)):
    n_tokens, n_tags = len(sentiment.VOCABULARY), len(sentiment.TAGS)
    return Classifier(n_tokens, 2, n_tags=n_tags, d_model=D, heads=heads, d_ff=64, rng=rng)


def arms(world):
    def translator(rng):
        return Transformer(*world["sizes"], d_model=D, n_heads=8, n_layers=1, rng=rng)

    return {
        "encoder": Arm(encoder, 500, (3e-3,), "sentences", data=2000),
        "translator": Arm(translator, 400, (3e-3,), "translation", data=2000),
    }


def losses(model, batch):
    """Of each sentence: its opinion, and its words' classes."""
    return model.losses(batch["inputs"], batch["labels"], batch["tags"])


def fit(arm, world, lr, seed, label):
    model, judges = arm.build(np.random.default_rng(seed)), arm.group == "sentences"
    source, target = world["pairs"]["train"]

    def batch(rng):
        rows = rng.integers(2000, size=32)
        if judges:
            return {name: world["sentences"]["train"][name][rows] for name in ("inputs", "labels", "tags")}
        return dict(source=source[rows], target=target[rows])

    def loss(model, batch):
        return ops.mean(losses(model, batch)) if judges else model.loss(**batch)

    schedule = cosine(arm.steps, warmup=arm.steps // 20)
    given = dict(steps=arm.steps, schedule=schedule, clip=1.0, seed=seed, label=label)
    train(model, batch, loss, AdamW(model.parameters(), lr=lr), **given)
    return model.eval()


def accuracy(model, batch):
    """The mean of the accuracies in opinions and in the classes of words."""
    with no_grad():
        opinions, words = (logits.numpy().argmax(-1) for logits in model(batch["inputs"]))
    tagged = batch["tags"] >= 0
    right = np.mean(opinions == batch["labels"]), np.mean((words == batch["tags"])[tagged])
    return float(np.mean(right))


def translated(model, pairs):
    """The share of words that are right, given the true words before them."""
    source, target = pairs
    with no_grad():
        right = model(source, target).numpy().argmax(-1) == target
    return float(right[target != 0].mean())


def scores(model, world):
    """{path: (H,)} importance, and the accuracy lost without each head, both on validation data."""
    held_out = world["sentences"]["validation"]
    batch = {name: held_out[name] for name in ("inputs", "labels", "tags")}
    importance = head_importance(model, batch, losses)
    full = accuracy(model, batch)
    without = ablate(gate_heads(model), partial(accuracy, model, batch))
    return importance, {path: full - found for path, found in without.items()}


def pruned(model, world, importance, drops):
    """{order: (11,) accuracy on test data with 0, 10, .., 100 % of the heads switched off}."""
    gates, test, rng = gate_heads(model), world["sentences"]["test"], np.random.default_rng(0)
    order = ranked(importance)

    def curve(order):
        found = []
        for share in SHARES:
            switch_off(gates, order[: round(share * len(order))])
            found.append(accuracy(model, test))
        switch_off(gates, [])
        return np.array(found)

    chances = [[order[i] for i in rng.permutation(len(order))] for _ in range(5)]
    return {
        "least important first": curve(order),
        "by chance (mean of 5)": np.mean([curve(one) for one in chances], axis=0),
        "most important first": curve(order[::-1]),
        "by what each alone costs": curve(ranked(drops)),
    }


def measure(model, world, arm):
    return pruned_encoder(model, world) if arm.group == "sentences" else without_heads(model, world)


def pruned_encoder(model, world):
    found = list(pruned(model, world, *scores(model, world)).values())
    single = alone(gate_heads(model), partial(accuracy, model, world["sentences"]["test"]))
    names = ("importance", "chance", "reverse", "oracle")
    return {
        "accuracy": found[0][0],
        "pruned_40": found[0][4],
        **{f"{name}_curve": curve.mean() for name, curve in zip(names, found)},
        "one_head": max(best.max() for best in single.values()),
    }


def without_heads(model, world):
    gates, score = gate_heads(model), partial(translated, model, world["pairs"]["test"])
    single = alone(gates, score)
    measured = {"accuracy": score()}
    for name, path in (("encoder", ENCODER), ("decoder", DECODER), ("cross", CROSS)):
        switch_off(gates, [(path, h) for h in range(8)])
        measured |= {f"no_{name}": score(), f"one_{name}": single[path].max()}
        switch_off(gates, [])
    return measured


def holds(seeds):
    judge, say = partial(mean, seeds, "encoder"), partial(mean, seeds, "translator")
    chance = judge("chance_curve")
    return [
        at_most("40 % of the heads pruned: accuracy lost", judge("accuracy") - judge("pruned_40"), 0.02),
        at_least("mean of the curve: importance - chance", judge("importance_curve") - chance, 0.02),
        at_least("mean of the curve: chance - reverse", chance - judge("reverse_curve"), 0.03),
        at_most(
            "a layer with its best head alone: accuracy lost", judge("accuracy") - judge("one_head"), 0.02
        ),
        at_least("no heads: encoder - cross", say("no_encoder") - say("no_cross"), 0.25),
        at_least("one head: encoder - cross", say("one_encoder") - say("one_cross"), 0.15),
    ]


def exact():
    with precision(64):
        rng = np.random.default_rng(5)
        model, ids = encoder(rng, heads=(4, 4)), rng.integers(3, 40, (3, 7))
        before = model(ids)[0].numpy()
        gates, neurons = gate_heads(model), gate_neurons(model)
        path, gate = next(iter(gates.items()))
        ones = model(ids)[0].numpy()
        batch = dict(inputs=ids, labels=np.array([0, 1, 1]), tags=np.full((3, 7), 2))
        slope = head_importance(model, batch, losses, normalise=False)[path][1]
        moved = []
        for step in (1e-5, -1e-5):
            gate.xi = Tensor([1, 1 + step, 1, 1])
            moved.append(losses(model, batch).numpy())
        attention, x = model.layers[0].attention, rng.normal(size=(3, 7, D))
        gate.xi = Tensor(np.zeros(4))
        silent = attention(x).numpy()
        gate.xi = Tensor([1.0, 0.0, 1.0, 0.0])
        off, cost = model(ids)[0].numpy(), multiplications(gates, {}, 7)
        kept = gate.linear.weight.data.copy()
        gate.linear.weight.data[:, 8:16] = gate.linear.weight.data[:, 24:] = 0
        gate.xi = Tensor(np.ones(4))
        zeroed, full = model(ids)[0].numpy(), multiplications(gates, {}, 7)
        gate.linear.weight.data, gate.xi = kept, Tensor([1.0, 0.0, 1.0, 0.0])
        remove_heads(attention)
        gone = model(ids)[0].numpy()
    return {
        "switches of 1 reproduce the model": np.array_equal(ones, before),
        "a switch of 0 is a slice of zeros in w_o": np.allclose(off, zeroed, atol=1e-10),
        "the gradient of a switch is the difference quotient, example by example": np.allclose(
            slope, np.abs((moved[0] - moved[1]) / 2e-5).mean(), atol=1e-7
        ),
        "without heads an attention adds nothing": not silent.any(),
        "heads that are taken out are as heads switched off": np.allclose(gone, off, atol=1e-10),
        "half the heads of one of two layers are a quarter of the multiplications": full - cost == full // 4,
        "blocks have switches too": len(neurons) == 2,
    }


def draw(figure, run):
    """Importance of each head beside what its loss costs, and accuracy as heads go."""
    figure.set_size_inches(14, 4.4)
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 1.5))
    model = run.models["encoder"]
    importance, drops = scores(model, run.world)
    rows = [f"layer {n}" for n in range(1, 4)]
    for ax, found, title, label in (
        (panels[0], importance, "importance", "mean size of the gradient"),
        (panels[1], drops, "switched off alone", "accuracy lost"),
    ):
        given = dict(rows=rows, columns=range(1, 9), names=("", "head"), title=title, label=label)
        heatmap(ax, np.array(list(found.values())), **given)
    found = pruned(model, run.world, importance, drops)
    given = {name: (100 * SHARES, curve) for name, curve in found.items()}
    labels = dict(xlabel="heads switched off, %", ylabel="accuracy (mean of opinions and tags)")
    curves(panels[2], given, title="pruning without training again", **labels)
    panels[2].legend(fontsize=8)
