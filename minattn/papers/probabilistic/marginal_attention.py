"""118. Attention as inference: which key is a query's parent? The mean over all answers is attention.

Nothing is trained. Enumerated graphs must give softmax and sigmoid attention, priors masks and biases.

recall     a noisy pattern is read from a memory of 16, once or three times (downhill on the free energy)
context    one of 256 keys is the parent, 7 times in 10 among the nearest 8. Expanding attention widens its
           window while the parent is likely to be beyond it; rivals have windows of one size
"""

import math
from functools import partial

import numpy as np

from ...attention import (
    ALiBi,
    Attention,
    Causal,
    Dot,
    Identity,
    Trace,
    Window,
    hopfield,
    multi_head,
    structures,
)
from ...attention.weights import Expanding, Marginal, Sigmoid, geometric
from ...autodiff import Tensor, as_tensor, no_grad, ops, precision
from ...plots import COLOURS, curves
from ..base import Arm, Paper, at_least, at_most, mean

S, D, BETA, NEAR = 256, 32, 12.0, 8

PAPER = Paper(
    number=118,
    title="Attention: Marginal Probability is All You Need?",
    year=2023,
    arxiv="2304.04556",
    family="probabilistic",
    slot="weights",
    lesson="scores-and-weights",
    claim="Marginalising an unseen graph of who attends to whom yields self-, cross-, hard, slot and "
    "Hopfield attention and predictive coding as special cases.",
    part="softmax and sigmoid attention, priors as masks and biases, and Hopfield reads, all exact; and one "
    "mechanism derived from the formula, expanding attention, in our reconstruction. No slot attention, no "
    "predictive coding; the paper reports no benchmark.",
    note="What an unseen key weighs must be averaged over parents too. Over keys that are no parent, the "
    "windows stayed small on the tuning seeds: accuracy .70 to .72. With a small beta, reading again slides "
    "into the mean of all patterns.",
    choose="accuracy",
    budget_s=20,
)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def near(rng, x, noise):
    """x moved by a vector of length `noise` in a random direction."""
    return x + noise * unit(rng.normal(size=x.shape))


def drawn(rng, n):
    """n queries, each with 256 keys in order of place (the last is nearest) and the place of its parent."""
    keys = unit(rng.normal(size=(n, S, D)))
    away = np.where(rng.random(n) < 0.7, rng.integers(1, NEAR + 1, n), rng.integers(NEAR + 1, S + 1, n))
    queries = near(rng, keys[np.arange(n), S - away], 0.6)
    return BETA * queries[:, None], keys, away


def world(seed):
    """Memories of 16 patterns with cues; queries with keys; what an unseen key weighs, from other queries."""
    rng = np.random.default_rng([seed, 1])
    patterns = unit(rng.normal(size=(40, 16, 16)))
    queries, keys, _ = drawn(rng, 100)
    unseen = math.log(np.exp(queries @ keys.swapaxes(1, 2)).mean())
    found = dict(patterns=patterns, cues=near(rng, patterns, 0.75), unseen=unseen)
    found["queries"], found["keys"], found["away"] = drawn(rng, 600)
    found["mean"] = round(float(look(over(Expanding(found["unseen"])), found)[1].mean()))
    return found


class EdgeOnly(Expanding):
    """Expanding without the bucket: look further while the farthest key inside has more than `eps`."""

    def infer(self, scores, distance, seen, window, more):
        yield from super().infer(scores, distance, seen, window, np.zeros_like(more))

    def unsure(self, found, distance, window):
        farthest = np.where(distance == window, found["weights"], 0)
        return farthest.sum(-1, keepdims=True) > self.eps


def over(weights=None, masks=()):
    """Attention that uses queries and keys as they are."""
    return Attention(Identity(), score=Dot(), weights=weights, masks=list(masks))


def look(attention, world):
    """Of all queries, which stand after the keys: weights (600,256), and the window (600,) of Expanding."""
    with no_grad():
        t = attention.trace(world["queries"], world["keys"], start=S)
    window = t.extra.get("window", np.full((1, 1, 1, 1), np.nan))
    return t.weights.numpy()[:, 0, 0], np.asarray(window)[:, 0, 0, 0]


def arms(world):
    untrained = dict(steps=0, rates=(0.0,))
    found = {
        name: Arm(lambda rng, n=n: partial(hopfield.settle, steps=n), group="recall", **untrained)
        for name, n in (("one read", 1), ("three reads", 3))
    }
    kinds = {
        "all keys": lambda rng: over(),
        "expanding": lambda rng: over(Expanding(world["unseen"])),
        "expanding, no bucket": lambda rng: over(EdgeOnly(world["unseen"])),
        "window, equal mean": lambda rng: over(masks=[Window(world["mean"])]),
        **{f"window {n}": lambda rng, n=n: over(masks=[Window(n)]) for n in (4, 16, 64)},
    }
    return found | {name: Arm(build, group="context", **untrained) for name, build in kinds.items()}


def fit(arm, world, lr, seed, label):
    return arm.build(np.random.default_rng(seed))


def measure(model, world, arm):
    """Recall: distance to the right pattern. Context: how often the parent has the largest weight, the
    share of keys inside the window, and its width for parents nearby and far away."""
    if arm.group == "recall":
        with no_grad():
            reads = {beta: model(world["cues"], world["patterns"], beta)[-1].numpy() for beta in (8, 4, 2)}
        error = {beta: np.linalg.norm(x - world["patterns"], axis=-1).mean() for beta, x in reads.items()}
        return {"error": error[8], "error, beta 4": error[4], "error, beta 2": error[2]}
    weights, window = look(model, world)
    if np.isnan(window).all():
        window = np.full(len(weights), model.masks[0].half if model.masks else S)
    close = world["away"] <= NEAR
    return {
        "accuracy": (weights.argmax(-1) == S - world["away"]).mean(),
        "touched": window.mean() / S,
        "near": window[close].mean(),
        "far": window[~close].mean(),
    }


def holds(seeds):
    m = partial(mean, seeds)
    accuracy = {name: m(name, "accuracy") for name in seeds[0] if "accuracy" in seeds[0][name]}
    grown = accuracy["expanding"]
    recall = m("three reads", "error") / m("one read", "error")
    return [
        at_most("recall: error after three reads / after one", recall, 0.7),
        at_least("context: accuracy, expanding / all keys", grown / accuracy["all keys"], 0.95),
        at_most("context: share of keys that expanding touches", m("expanding", "touched"), 0.40),
        at_least("context: lead over one window, equal mean", grown - accuracy["window, equal mean"], 0.1),
        at_most("context: accuracy without the bucket", accuracy["expanding, no bucket"], 0.75),
    ]


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-10)
    with precision(64):
        q, k, v = (as_tensor(rng.normal(size=(1, n, 5))) for n in (3, 5, 5))
        scores, x = (q @ ops.swapaxes(k, -1, -2)).data[0], rng.normal(size=(1, 7, 6))
        t = Trace(None, None, scores=as_tensor(scores), q_pos=np.arange(3) + 4, k_pos=np.arange(5))
        away = np.abs(t.q_pos[:, None] - t.k_pos)
        soft, edges = Marginal()(t).data, Sigmoid()(t).data
        priors = {
            "window": Marginal(lambda t: np.where(away <= 3, 0, -np.inf)),
            "slope": Marginal(lambda t: -ALiBi(1).slopes[0] * away),
            "geometric": Marginal(geometric(0.2)),
        }
        weighed = {name: weights(t).data for name, weights in priors.items()}
        masked = ops.softmax(as_tensor(scores), away <= 3).data
        bias = {"slope": -ALiBi(1).slopes[0] * away, "geometric": math.log(0.8) * away}
        by_bias = {name: ops.softmax(as_tensor(scores + b)).data for name, b in bias.items()}
        alike = [
            multi_head(6, 1, rng=np.random.default_rng(0), masks=[Causal()], **slots)(x).data
            for slots in (dict(positions=[ALiBi(1)]), dict(weights=Marginal(lambda t: ALiBi(1).bias(t))))
        ]
        start = Tensor(rng.normal(size=(1, 3, 5)), requires_grad=True)
        hopfield.energy(start, k, 8.0).sum().backward()
        states = hopfield.settle(start.data, k, 8.0, 6)
        energies = np.array([hopfield.energy(state, k, 8.0).data for state in states])
        step = ops.softmax(8 * start.data @ k.data[0].T).data @ k.data[0]
    return {
        "the mean over graphs with one parent a query: softmax attention": close(
            structures.one_parent(scores, v.data[0]), soft @ v.data[0]
        ),
        "the mean over all graphs: sigmoid attention": close(
            structures.any_parents(scores, v.data[0]), edges @ v.data[0]
        ),
        "a log prior of -inf outside a window: a mask": close(weighed["window"], masked),
        "a log prior that falls with distance: ALiBi": close(weighed["slope"], by_bias["slope"])
        and close(*alike),
        "a geometric prior: a slope of log(1 - rho)": close(weighed["geometric"], by_bias["geometric"]),
        "the slope of the free energy: x less one read by attention": close(start.grad, start.data - step)
        and close(states[1].data, step),
        "the free energy never rises": (np.diff(energies, axis=0) <= 1e-12).all(),
    }


def draw(figure, run):
    """A posterior over parents, the way down the free energy, two windows, and accuracy by keys touched."""
    figure.set_size_inches(15, 8)
    (graph, descent), (windows, bargain) = figure.subplots(2, 2)
    _graph(graph, np.random.default_rng(1))
    patterns, cues = run.world["patterns"][:1], run.world["cues"][:1]
    series = {}
    for beta in (8, 4, 2):
        with no_grad():
            states = hopfield.settle(cues, patterns, beta, 6)
        error = [np.linalg.norm(state.numpy() - patterns, axis=-1).mean() for state in states]
        series[f"beta = {beta}"] = (np.arange(7), np.array(error))
    names = dict(xlabel="reads", ylabel="distance to the right pattern")
    curves(descent, series, title="a noisy pattern, read again and again", **names)
    _windows(windows, run)
    for name, m in run.measured.items():
        if "touched" in m:
            colour = "red" if name.startswith("expanding") else "blue"
            bargain.plot(m["touched"], m["accuracy"], "o", color=COLOURS[colour], markersize=8)
            place = dict(xytext=(8, 2 if "equal" in name else -9), textcoords="offset points")
            bargain.annotate(name, (m["touched"], m["accuracy"]), **place)
    bargain.set(xlabel="share of keys touched", ylabel="accuracy", xlim=(0, 1.2), ylim=(0.25, 1.06))
    bargain.set_title("what the keys buy")


def _graph(ax, rng):
    """Queries below, keys above; the wider a line, the more likely this key is the query's parent."""
    t = Trace(None, None, scores=as_tensor(rng.normal(size=(4, 6)) * 1.5))
    for i, row in enumerate(Marginal()(t).data):
        for j, weight in enumerate(row):
            ax.plot((i + 1, j), (0, 1), color=COLOURS["blue"], linewidth=9 * weight, alpha=0.8)
    for y, xs, word in ((0, np.arange(4) + 1, "query"), (1, np.arange(6), "key")):
        ax.plot(xs, [y] * len(xs), "o", markersize=22, color="white", markeredgecolor="black")
        for n, x in enumerate(xs):
            ax.annotate(f"{word[0]}{n}", (x, y), ha="center", va="center")
    ax.set(ylim=(-0.2, 1.2), title="which key is the parent? (width: posterior probability)")
    ax.axis("off")


def _windows(ax, run):
    """The weights by distance of a query whose parent is near and of one whose parent is far."""
    weights, window = look(run.models["expanding"], run.world)
    away = run.world["away"]
    for colour, lower, upper in (("blue", 1, NEAR), ("red", 100, 200)):
        pick = np.flatnonzero((away >= lower) & (away <= upper))[0]
        width = min(int(window[pick]), S)
        shown = np.maximum(weights[pick, ::-1][:width], 1e-6)
        label = f"parent at {away[pick]}: window {width}"
        ax.plot(np.arange(1, width + 1), shown, color=COLOURS[colour], linewidth=1.2, label=label)
        ax.plot(away[pick], weights[pick, S - away[pick]], "o", color=COLOURS[colour], markersize=8)
    ax.set(xscale="log", yscale="log", xlabel="distance of the key", ylabel="weight")
    ax.set_title("expanding attention: each query has its own window")
    ax.legend(frameon=False, loc="upper center")
