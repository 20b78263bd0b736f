"""37. AxFormer: leave out of a trained transformer what validation data says is useless.

A classifier of 3 layers learns from 400 sentences with wrong labels among them; then, without training again,

AxFormer    whole blocks are tried first, then heads and groups of neurons in those that stay, from the top
            layer down; what the validation loss does not miss stays off. Then attention to the k best keys
random      heads and groups of neurons in any order (mean of 5), until as many multiplications are left
magnitude   the smallest weights first, until as many multiplications are left
"""

import copy
from functools import partial

import numpy as np

from ...attention import TopK
from ...autodiff import Tensor, no_grad, ops, precision
from ...interpret import Element, gate_heads, gate_neurons, greedy_prune, multiplications, remove_heads
from ...models import Classifier
from ...nn.optim import AdamW
from ...plots import COLOURS, bars
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import sentiment
from ..base import Arm, Paper, at_least, at_most, mean

GROUP, LENGTH, DRAWS = 16, sentiment.LONGEST, 5

PAPER = Paper(
    number=37,
    title="AxFormer: Accuracy-driven Approximation of Transformers for Faster, Smaller and more Accurate NLP "
    "Models",
    year=2020,
    arxiv="2010.03688",
    family="sparse",
    slot="weights",
    lesson="pruning",
    claim="A fine-tuned transformer whose parts are pruned one by one, as long as the validation loss does "
    "not rise, is much smaller and no less accurate.",
    part="pruning that costs no accuracy; not the gain in accuracy, nor the speed.",
    note="The gain in accuracy does not come: over five seeds it goes from -.022 to +.011. What improves on "
    "every seed is the test loss: pruning takes away false certainty. Attention to the k best keys is "
    "accepted in 0 to 2 of 3 layers. The sentences have few words (4 adjectives a polarity): with more, "
    "400 of them are too few and the dense model is near chance. The picture shows seed 0, the one that "
    "learns its task so well that hardly any order of pruning costs accuracy.",
    choose="accuracy",
    budget_s=20,
)


def world(seed):
    """400 sentences, a tenth of them with the wrong label; 400 and 1000 clean ones to prune by and to test.

    `trained` keeps what several arms need: they prune the same trained model.
    """
    words = dict(n_opinions=4, n_words=3, p_negated=0.3, p_decoy=0.0)
    sets = sentiment.corpus(seed, 400, 400, 1000, p_wrong=0.1, **words)
    return dict(zip(("train", "validation", "test"), sets), trained={})


def classifier(rng):
    return Classifier(len(sentiment.VOCABULARY), 2, d_model=32, heads=(4, 4, 4), d_ff=128, rng=rng)


def arms(world):
    names = ("dense", "AxFormer", "random", "magnitude")
    return {name: Arm(classifier, 300, (3e-3,), settings={"prune": name}, data=400) for name in names}


def fit(arm, world, lr, seed, label):
    """The dense model, or a copy of it without some of its parts; `random` is pruned when it is measured."""
    known, way = world["trained"], arm.settings["prune"]
    if not known:
        known["dense"] = dense(arm, world, lr, seed, label)
        known["AxFormer"] = copy.deepcopy(known["dense"])
        known["AxFormer"].steps = approximate(known["AxFormer"], world["validation"])
    if way in known:
        return known[way]
    model = copy.deepcopy(known["dense"])
    if way == "magnitude":
        prune_to(by_size(model), partial(cost, model), cost(known["AxFormer"]))
    return model


def dense(arm, world, lr, seed, label):
    model, data = arm.build(np.random.default_rng(seed)), world["train"]

    def batch(rng):
        rows = rng.integers(len(data["labels"]), size=32)
        return {name: data[name][rows] for name in ("inputs", "labels")}

    def loss(model, batch):
        return ops.mean(model.losses(batch["inputs"], batch["labels"]))

    given = dict(steps=arm.steps, schedule=cosine(arm.steps, warmup=15), clip=1.0, seed=seed, label=label)
    train(model, batch, loss, AdamW(model.parameters(), lr=lr), **given)
    return model.eval()


def parts(model):
    """Blocks, and heads and groups of neurons, as Elements from the top layer down."""
    heads, neurons = gate_heads(model), gate_neurons(model, GROUP)
    blocks, small = [], []
    kinds = (("feed_forward", "neurons", neurons), ("attention", "head", heads))
    for layer in reversed(range(len(model.layers))):
        for kind, part, gates in kinds:
            gate = gates[f"layers.{layer}.{kind}"]
            blocks.append(Element(f"{kind.replace('_', '-')} {layer + 1}", gate))
            small += [Element(f"{part} {layer + 1}.{i + 1}", gate, i) for i in range(gate.n_groups)]
    return blocks, small


def approximate(model, validation):
    """Prune, then try attention to the k best keys in each layer; returns what was tried, in order."""
    score = partial(loss_of, model, validation)
    blocks, small = parts(model)
    tried = greedy_prune([*blocks, *small], score)
    best = min([score(), *(step.loss for step in tried if step.off)])
    for layer in reversed(model.layers):
        for k in (2, 4):
            plain, layer.attention.weights = layer.attention.weights, TopK(k)
            if (found := score()) <= best:
                best = found
                break
            layer.attention.weights = plain
    return tried


def loss_of(model, batch):
    with no_grad():
        return float(model.losses(batch["inputs"], batch["labels"]).numpy().mean())


def cost(model):
    """Multiplications of a token in attention and feed-forward blocks."""
    return multiplications(gate_heads(model), gate_neurons(model, GROUP), LENGTH)


def prune_to(elements, cost, left):
    """Switch elements off in their order, as long as no fewer than `left` multiplications stay."""
    for element in elements:
        element.gate.xi.data[element.index] = 0
        if cost() < left:
            element.gate.xi.data[element.index] = 1


def by_size(model):
    """Heads and groups of neurons, the smallest mean square of their weights first."""

    def size(element):
        weight = element.gate.linear.weight.data
        n = weight.shape[1] // element.gate.n_groups
        own = slice(element.index * n, (element.index + 1) * n)
        before = next(layers for gate, layers in owners if gate is element.gate)
        every = [weight[:, own], *(layer.weight.data[own] for layer in before)]
        return np.mean(np.concatenate([part.ravel() for part in every]) ** 2)

    _, small = parts(model)
    owners = []
    for layer in model.layers:
        projection, block = layer.attention.projection, layer.feed_forward
        owners += [
            (projection.w_o, (projection.w_q, projection.w_k, projection.w_v)),
            (block.w_2, (block.w_1,)),
        ]
    return sorted(small, key=size)


def measure(model, world, arm):
    """Accuracy and loss on the test set, and the share of multiplications that is left."""
    if arm.settings["prune"] != "random":
        return tested(model, world)
    found = []
    for draw in range(DRAWS):
        pruned = copy.deepcopy(model)
        _, small = parts(pruned)
        order = np.random.default_rng(draw).permutation(len(small))
        prune_to([small[i] for i in order], partial(cost, pruned), cost(world["trained"]["AxFormer"]))
        found.append(tested(pruned, world))
    return {metric: np.mean([one[metric] for one in found]) for metric in found[0]}


def tested(model, world):
    test = world["test"]
    with no_grad():
        right = model(test["inputs"])[0].numpy().argmax(-1) == test["labels"]
    left = cost(model)
    hard = sum(isinstance(layer.attention.weights, TopK) for layer in model.layers)
    share = left / cost(world["trained"]["dense"])
    return {"accuracy": right.mean(), "loss": loss_of(model, test), "left": share, "top_k_layers": hard}


def holds(seeds):
    acc = {name: mean(seeds, name, "accuracy") for name in seeds[0]}
    ours, left = acc["AxFormer"], mean(seeds, "AxFormer", "left")
    loss = {name: mean(seeds, name, "loss") for name in ("AxFormer", "dense")}
    return [
        at_least("multiplications removed", 1 - left, 0.5),
        at_least("accuracy: AxFormer - dense", ours - acc["dense"], -0.02),
        at_most("test loss: AxFormer / dense", loss["AxFormer"] / loss["dense"], 0.75),
        at_least("accuracy at as many multiplications: AxFormer - random", ours - acc["random"], 0.1),
        at_least("accuracy at as many multiplications: AxFormer - magnitude", ours - acc["magnitude"], 0.035),
    ]


def exact():
    with precision(64):
        rng = np.random.default_rng(3)
        model, ids = classifier(rng), rng.integers(3, 90, (24, 9))
        batch = dict(inputs=ids, labels=rng.integers(2, size=24))
        start, whole = loss_of(model, batch), cost(model)
        tried = approximate(model, batch)
        end, layer = loss_of(model, batch), model.layers[0]
        heads, neurons = gate_heads(model), gate_neurons(model, GROUP)
        for gate in (*heads.values(), *neurons.values()):
            gate.xi = Tensor(np.ones(gate.n_groups))
        neurons["layers.2.feed_forward"].xi.data[:] = 0
        without_block = cost(model)
        x, valid = Tensor(rng.normal(size=(2, 7, 32))), np.ones((2, 7), dtype=bool)
        layer.attention.weights = TopK(1)
        hard = layer.attention.trace(x).weights.numpy()
        layer.attention.projection.w_o.xi.data[:2] = 0
        off = layer.attention(x).numpy()
        remove_heads(layer.attention)
        same = np.allclose(layer.attention(x).numpy(), off, atol=1e-10)
        layer.attention.projection.w_o.weight.data[:] = layer.attention.projection.w_o.bias.data[:] = 0
        neurons["layers.0.feed_forward"].xi.data[:] = 0
        stream = layer(x, valid).numpy()
    return {
        "the validation loss never ends above its start": end <= start and len(tried) >= 6,
        "a block less saves its own multiplications": whole - without_block == 2 * 32 * 128,
        "TopK(1) is one-hot": bool(np.isin(hard, (0, 1)).all() and (hard.sum(-1) == 1).all()),
        "heads switched off are as heads cut out of w_q, w_k, w_v and w_o": same,
        "a layer without blocks is its residual stream": np.array_equal(stream, x.numpy()),
    }


def draw(figure, run):
    """The greedy pass, step by step, and what is left of accuracy and loss."""
    figure.set_size_inches(14, 4.6)
    left, *others = figure.subplots(1, 3, width_ratios=(2.2, 1, 1))
    steps = run.models["AxFormer"].steps
    places, losses = np.arange(len(steps)), np.array([step.loss for step in steps])
    off = np.array([step.off for step in steps])
    start = loss_of(run.models["dense"], run.world["validation"])
    bar = np.minimum.accumulate([start, *np.where(off, losses, np.inf)])
    left.step(np.arange(len(bar)) - 0.5, bar, where="post", color="black", label="smallest loss so far")
    for mask, colour, marker, label in ((off, "green", "o", "stays off"), (~off, "red", "x", "put back")):
        left.plot(places[mask], losses[mask], marker, color=COLOURS[colour], label=label)
    left.set_xticks(places, [step.element.name for step in steps], rotation=90, fontsize=7)
    left.set(ylabel="validation loss without it (nats)", title="what is tried, in order", yscale="log")
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("{x:g}")
    left.legend()
    for ax, metric, ylabel in zip(others, ("accuracy", "loss"), ("test accuracy", "test loss (nats)")):
        bars(ax, {name: found[metric] for name, found in run.measured.items()}, ylabel=ylabel)
        ax.tick_params(axis="x", labelsize=8)
    share = run.measured["AxFormer"]["left"]
    others[0].set_title(f"pruned: {share:.0%} of the multiplications left", fontsize=9)
