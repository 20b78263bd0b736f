"""44. ReLA: rectified weights with a norm behind them, against softmax and sparsemax.

translation    a toy language whose particles have no source word; a small transformer
look-up        the value of a key among six pairs; half of the time the key is absent, the answer "none", and
               attending to nothing the right thing to do; one attention, no feed-forward block

With softmax every key gets a weight, with sparsemax at least one, with ReLA perhaps none ("empty" rows).
"""

from functools import partial

import numpy as np

from ...attention import Attention, Causal, Identity, LearnedPositions, Trace, multi_head, record
from ...attention.weights import ReLA, ReLU, Softmax, Sparsemax
from ...autodiff import Tensor, as_tensor, no_grad, ops, precision
from ...metrics.aer import aer, argmax_links
from ...models import Transformer
from ...nn import Embedding, LayerNorm, Linear, Module
from ...nn.optim import Adam
from ...plots import COLOURS, alignment
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import parallel, recall
from ...worlds.language import pad
from ..base import Arm, Paper, at_least, at_most, exactly, mean

D, LONGEST = 32, 12
WEIGHTS = {"softmax": Softmax, "sparsemax": Sparsemax, "ReLA": partial(ReLA, D), "ReLU": ReLU}

PAPER = Paper(
    number=44,
    title="Sparse Attention with Linear Units",
    year=2021,
    arxiv="2104.07012",
    family="weights",
    slot="weights",
    lesson="scores-and-weights",
    claim="ReLA translates as well as softmax at its speed, with many exact zeros, better alignments than "
    "sparsified softmax, and heads that switch off for some queries.",
    part="accuracy, zeros, and heads that switch off; alignment is reported only, speed is not measured.",
    note="ReLA finds every absent key, but its lead over softmax is .011 and not .012 or more: softmax may "
    "choose among three learning rates, and finds .989, not the .975 that the row was designed on with "
    "one rate. ReLU chooses the smallest rate, with which its head is silent for under half of the absent "
    "keys; with 0.01 it was silent for nine in ten, but failed on one of the two tuning seeds. "
    "In translation heads are silent on some words that have a source, hardly ever on particles, where "
    "attending does no harm. Alignment is not better than with sparsemax.",
    choose="accuracy",
    budget_s=20,
)


def world(seed):
    """Sentences of the language with particles, and a test set of look-ups; those to train on are endless."""
    corpus = parallel.particles(seed, 2000, 400)
    train, test = [
        [pad(side, LONGEST)[0] for side in zip(*corpus.ids(pairs))] for pairs in (corpus.train, corpus.test)
    ]
    sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
    lookup = recall.lookup(np.random.default_rng([seed, 1]), 20_000)
    return dict(pairs=corpus.test, sizes=sizes, train=train, test=test, lookup=lookup)


class LookUp(Module):
    """norm(query + attention(query, pairs)) and a read-out. Same start values whatever the weights."""

    def __init__(self, n_heads, weights, rng):
        self.key, self.value = Embedding(16, D, rng=rng), Embedding(8, D, rng=rng)
        self.attention = multi_head(D, n_heads, rng=rng, weights=weights())
        self.norm, self.answer = LayerNorm(D), Linear(D, 9, rng=rng)

    def forward(self, batch):
        query = self.key(batch["query"][:, None])
        pairs = self.key(batch["keys"]) + self.value(batch["values"])
        return self.answer(self.norm(query + self.attention(query, pairs)))[:, 0]


def translator(sizes, weights, rng):
    """A transformer of one layer with 2 heads, other weights in each of its attentions."""
    positions = [LearnedPositions(LONGEST, D, rng=rng)]
    model = Transformer(*sizes, d_model=D, n_heads=2, n_layers=1, positions=positions, rng=rng)
    for module in model.modules():
        if isinstance(module, Attention):
            module.weights = weights()
    return model


def arms(world):
    tasks = {
        "translation": (partial(translator, world["sizes"]), 400),
        "1 head": (partial(LookUp, 1), 600),
        "4 heads": (partial(LookUp, 4), 600),
    }
    return {
        f"{name}, {task}": Arm(partial(build, weights), steps, (3e-3, 1e-2, 2e-2), task)
        for task, (build, steps) in tasks.items()
        for name, weights in WEIGHTS.items()
    }


def fit(arm, world, lr, seed, label):
    model, (source, target) = arm.build(np.random.default_rng(seed)), world["train"]

    def sentences(rng):
        rows = rng.integers(len(source), size=32)
        return dict(source=source[rows], target=target[rows])

    def right_words(model, batch):
        return model.loss(**batch)

    def right_value(model, batch):
        return ops.cross_entropy(model(batch), batch["targets"])

    translates = arm.group == "translation"
    train(
        model,
        sentences if translates else partial(recall.lookup, batch=32),
        right_words if translates else right_value,
        Adam(model.parameters(), lr=lr),
        steps=arm.steps,
        schedule=cosine(arm.steps, warmup=arm.steps // 20),
        clip=1.0,
        seed=seed,
        label=label,
    )
    return model.eval()


def measure(model, world, arm):
    """Accuracy, exact zeros and empty rows (a head that attends to nothing)."""
    return translated(model, world) if arm.group == "translation" else looked_up(model, world["lookup"])


def looked_up(model, batch):
    with no_grad(), record(model) as traces:
        right = model(batch).numpy().argmax(-1) == batch["targets"]
    here, empty = batch["present"], ~traces["attention"].weights.numpy()[:, :, 0].any(-1)
    return {
        "accuracy": right.mean(),
        "absent": right[~here].mean(),
        "present": right[here].mean(),
        "empty_absent": empty[~here].mean(),
        "empty_present": empty[here].mean(),
    }


def translated(model, world):
    (source, target), pairs = world["test"], world["pairs"]
    with no_grad(), record(model.aligner) as traces:
        right = model(source, target).numpy().argmax(-1) == target
    weights, words = traces[""].weights.numpy(), target != 0
    seen = words[:, :, None] & (source != 0)[:, None]
    linked = np.array([[t in {a for a, _ in pair.links} for t in range(LONGEST)] for pair in pairs])
    empty = ~weights.any(-1).swapaxes(1, 2)
    sizes = [dict(n_target=len(pair.target), n_source=len(pair.source)) for pair in pairs]
    maps = [argmax_links(summed, **size) for summed, size in zip(weights.sum(1), sizes)]
    return {
        "accuracy": right[words].mean(),
        "zeros": (weights == 0).mean(1)[seen].mean(),
        "empty_linked": empty[linked].mean(),
        "empty_others": empty[words & ~linked].mean(),
        "aer": aer(maps, [pair.links for pair in pairs]),
    }


def holds(seeds):
    def of(name, task, metric):
        return mean(seeds, f"{name}, {task}", metric)

    words = {name: of(name, "translation", "accuracy") for name in WEIGHTS}
    absent = {name: of(name, "1 head", "absent") for name in WEIGHTS}
    empty = {name: of(name, "1 head", "empty_absent") for name in WEIGHTS}
    four_absent, four_present = (of("ReLA", "4 heads", f"empty_{which}") for which in ("absent", "present"))
    never = [
        of(name, task, f"empty_{which}")
        for name in ("softmax", "sparsemax")
        for task in ("1 head", "4 heads")
        for which in ("absent", "present")
    ]
    return [
        at_least("translation: accuracy, ReLA - softmax", words["ReLA"] - words["softmax"], -0.02),
        at_least("translation: zeros of ReLA", of("ReLA", "translation", "zeros"), 0.4),
        exactly("translation: zeros of softmax", of("softmax", "translation", "zeros"), 0),
        at_least("1 head, key absent: accuracy, ReLA - softmax", absent["ReLA"] - absent["softmax"], 0.012),
        at_least("1 head, key absent: accuracy, ReLA - sparsemax", absent["ReLA"] - absent["sparsemax"], 0),
        at_least("1 head, key absent: empty rows of ReLA", empty["ReLA"], 0.1),
        at_least("1 head, key absent: empty rows of ReLU", empty["ReLU"], 0.5),
        at_most("1 head, key present: empty rows of ReLA", of("ReLA", "1 head", "empty_present"), 0.02),
        at_least("4 heads: empty rows of ReLA, absent - 3 x present", four_absent - 3 * four_present, 0),
        exactly("empty rows of softmax and sparsemax", max(never), 0),
    ]


def exact():
    rng, close = np.random.default_rng(5), partial(np.allclose, rtol=0, atol=1e-5)
    scores, z = rng.normal(size=(2, 3, 5, 7)), rng.normal(size=(2, 3, 5, 2))
    with precision(64):
        t = Trace(None, None, scores=as_tensor(scores))
        maps = {name: weights()(t).data for name, weights in WEIGHTS.items()}
        sums = {name: weights.sum(-1) for name, weights in maps.items()}
        finish = ReLA(6).finish  # its gate starts at 0
        once, larger = finish(as_tensor(z)).data, finish(as_tensor(1000 * z)).data
        side = z.swapaxes(1, 2).reshape(2, 5, 6)  # heads side by side
        query = Tensor(-rng.random((1, 3, 6)), requires_grad=True)
        keys = Tensor(rng.random((1, 4, 6)), requires_grad=True)  # every score is negative
        nothing = Attention(Identity(), weights=ReLA(6)).trace(query, keys)
        (nothing.out * rng.normal(size=(1, 3, 6))).sum().backward()
        x = Tensor(rng.normal(size=(1, 5, 6)), requires_grad=True)
        multi_head(6, 3, rng=rng, weights=ReLA(6), masks=[Causal()])(x)[:, 2].sum().backward()
    return {
        "a negative score gives exactly 0": (maps["ReLA"][scores < 0] == 0).all(),
        "a positive score is its own weight": (maps["ReLA"][scores > 0] == scores[scores > 0]).all(),
        "rows of softmax and sparsemax sum to 1": close([sums["softmax"], sums["sparsemax"]], 1),
        "rows of ReLA do not": (np.abs(sums["ReLA"] - 1) > 1e-3).all(),
        "sparsemax gives every row a key": maps["sparsemax"].any(-1).all() and not maps["sparsemax"].all(),
        "larger values change nothing behind the norm": close(once, larger),
        "a gate of 0 halves the norm's output": close(
            once.swapaxes(1, 2).reshape(2, 5, 6), 0.5 * side / np.sqrt((side**2).mean(-1, keepdims=True))
        ),
        "a row without a positive score gives exactly 0": (nothing.out.data == 0).all(),
        "and finite gradients": bool(np.isfinite(query.grad).all() and np.isfinite(keys.grad).all()),
        "a causal mask: later keys get no gradient at all": not x.grad[:, 3:].any() and x.grad[:, :3].any(),
    }


def draw(figure, run):
    """A test sentence as three translators attend to it, and how often a look-up attends to nothing."""
    figure.set_size_inches(16, 4.6)
    panels, pairs = figure.subplots(1, 4), run.world["pairs"]
    maps = {}
    for name in ("softmax", "sparsemax", "ReLA"):
        model = run.models[f"{name}, translation"]
        with no_grad(), record(model.aligner) as traces:
            model(*run.world["test"])
        maps[name] = traces[""].weights.numpy()
    nothing = ~maps["ReLA"].any(-1) & (run.world["test"][1][:, None] != 0)  # (B,H,T)
    some, head = np.unravel_index(np.argmax(np.minimum(nothing.sum(-1), 2)), nothing.shape[:2])
    source, target = ([*side, "end"] for side in (pairs[some].source, pairs[some].target))
    for ax, (name, weights) in zip(panels, maps.items()):
        seen = weights[some, head, : len(target), : len(source)]
        title = f"{name}, head {head}: {np.mean(seen == 0):.0%} zeros"
        alignment(ax, seen, source, target, pairs[some].links, title=title)
        for row in np.flatnonzero(~seen.any(-1)):
            ax.axhspan(row - 0.5, row + 0.5, color=COLOURS["orange"], alpha=0.35, linewidth=0)
            ax.text(len(source) / 2 - 0.5, row, "attends to nothing", ha="center", va="center", fontsize=8)
    ax = panels[3]
    for shift, metric, colour in ((-0.2, "empty_absent", "orange"), (0.2, "empty_present", "blue")):
        heights = [run.measured[f"{name}, 1 head"][metric] for name in WEIGHTS]
        bars = ax.bar(np.arange(4) + shift, heights, 0.38, color=COLOURS[colour], label=f"key {metric[6:]}")
        ax.bar_label(bars, fmt="{:.2g}", fontsize=8)
    ax.set_xticks(range(4), list(WEIGHTS), fontsize=9)
    ax.set(ylim=(0, 1.1), ylabel="queries that attend to nothing", title="look-up, 1 head")
    ax.legend(loc="upper left")
