"""81. Neural attention search: tokens that learn for how long they stay in the cache, against eviction rules.

Five facts among 43 fillers, then four questions about them. At every filler after a filler, the model is also
asked what the filler before it was. Facts must stay, fillers may go after one step. The rivals are a trained
attention that sees everything, and the same one behind two rules that keep 12 keys a query, 40 % of all: the
first tokens with the last ones, and those that got most of the attention so far.
"""

import itertools
from functools import partial

import numpy as np

from ...attention import Attention, Causal, MultiHead, Trace, record
from ...attention.masks import Sinks, TokenTypes, Window, visibility
from ...attention.memory import TypedCache
from ...attention.mixers import SoftmaxMixer
from ...attention.positions import DistanceBias
from ...attention.weights import HeavyHitters, Softmax
from ...autodiff import Tensor, as_tensor, gradcheck, no_grad, ops, precision
from ...models import TinyTransformer
from ...nn.optim import AdamW
from ...plots import COLOURS
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import facts
from ..base import Arm, Paper, at_least, at_most, mean

D, H, LENGTH, KEYS, VALUES, FILLERS, WINDOW = 32, 2, 52, 16, 16, 8, 4
STEPS, PRESSURE, BUDGET = 300, 0.5, 12

PAPER = Paper(
    number=81,
    title="Neural Attention Search",
    year=2025,
    arxiv="2502.13251",
    family="sparse",
    slot="masks",
    lesson="masks-and-caches",
    claim="Learning a type for each token together with the weights shrinks the cache of keys and values "
    "strongly at almost the same performance, and better than rules that evict.",
    note="The rules keep 40 % of the pairs, more than NAtS; the paper compares at the same share. Two of the "
    "three seeds give a third of the tokens the Local type, one gives it to none.",
    choose="query",
    budget_s=20,
)


def draw_batch(rng, batch):
    """Facts and questions, and beside them the local task: the filler before a filler."""
    sizes = dict(n_facts=5, n_queries=4, n_keys=KEYS, n_values=VALUES, n_fillers=FILLERS)
    drawn = facts.mqar(rng, batch, length=LENGTH, **sizes)
    keys = drawn["inputs"][:, :, 0]
    filler = keys >= KEYS
    local = filler & np.roll(filler, 1, axis=1) & (np.arange(LENGTH) > 0)
    before = VALUES + np.roll(keys, 1, axis=1) - KEYS
    targets = np.where(local, before, drawn["targets"])
    return dict(inputs=drawn["inputs"], targets=targets, asked=drawn["asked"], local=local)


def world(seed):
    """A fixed test set; the batches to train on are drawn anew at each step."""
    return draw_batch(np.random.default_rng([seed, 1]), 500)


def build(typed, rng):
    """One layer; the types start equal for all tokens, so that all arms start from the same weights."""
    weights = TokenTypes(D, H, WINDOW, rng=rng.spawn(1)[0]) if typed else Softmax()
    heads = MultiHead(D, H, rng=rng)
    attention = Attention(heads, positions=[DistanceBias(H, 8)], masks=[Causal()], weights=weights)
    channels = KEYS + FILLERS, VALUES + 1
    return TinyTransformer(channels, VALUES + FILLERS, [SoftmaxMixer(attention)], d_model=D, rng=rng)


def arms(world):
    return {
        "NAtS": Arm(partial(build, True), STEPS, (1e-2,)),
        "everything": Arm(partial(build, False), STEPS, (1e-2,)),
    }


def pressure(step):
    """Weight of the share that is kept: 0 for 100 steps, then up to PRESSURE in 150."""
    return PRESSURE * min(max((step - 100) / 150, 0), 1)


def task_loss(logits, batch):
    """The mean over questions plus the mean over fillers."""
    return sum(
        ops.cross_entropy(logits, np.where(batch[which], batch["targets"], -1), ignore=-1)
        for which in ("asked", "local")
    )


def fit(arm, world, lr, seed, label):
    model, steps = arm.build(np.random.default_rng(seed)), itertools.count()
    attention = model.mixers[0].attention

    def batch(rng):
        return dict(draw_batch(rng, 32), pressure=pressure(next(steps)))

    def loss(model, batch):
        if not isinstance(attention.weights, TokenTypes):
            return task_loss(model(batch["inputs"]), batch)
        with record(model) as traces:
            logits = model(batch["inputs"])
        kept = attention.weights.share(traces["mixers.0.attention"])
        return task_loss(logits, batch) + batch["pressure"] * kept

    optimiser = AdamW(model.parameters(), lr=lr)
    schedule = cosine(arm.steps, warmup=20)
    train(model, batch, loss, optimiser, steps=arm.steps, schedule=schedule, clip=1.0, seed=seed, label=label)
    return model.eval()


def shares(model, batch):
    """Right answers of both tasks, and the share of (query, key) pairs that are seen; also the record."""
    with no_grad(), record(model) as traces:
        said = model(batch["inputs"]).numpy().argmax(-1)
    t, right = traces["mixers.0.attention"], said == batch["targets"]
    seen = t.extra.get("kept", t.extra.get("held"))
    seen = as_tensor(np.broadcast_to(t.mask, t.scores.shape) if seen is None else seen).numpy() > 0
    kept = (seen & np.tri(LENGTH, dtype=bool)).mean() * 2 * LENGTH / (LENGTH + 1)
    return dict(query=right[batch["asked"]].mean(), local=right[batch["local"]].mean(), kept=kept), t


def measure(model, world, arm):
    attention, found = model.mixers[0].attention, {}
    measured, t = shares(model, world)
    if isinstance(attention.weights, TokenTypes):
        types = t.extra["types"].numpy()  # (B,H,T,3)
        is_fact = world["inputs"][:, :, 1] < VALUES
        anywhere = (types[..., 0] == 1).any(axis=1)
        found = dict(recall=anywhere[is_fact].mean(), precision=is_fact[anywhere].mean())
        return measured | found | dict(zip(("global", "local type", "sliding"), types.mean(axis=(0, 1, 2))))
    for name, masks, weights in (
        ("sinks", [Causal(), Sinks(2, BUDGET - 3)], Softmax()),
        ("heavy", [Causal()], HeavyHitters(BUDGET, 2)),
    ):
        attention.masks, attention.weights = masks, weights
        found |= {f"{name} {what}": value for what, value in shares(model, world)[0].items()}
    attention.masks, attention.weights = [Causal()], Softmax()
    return measured | found


def holds(seeds):
    nats, full = partial(mean, seeds, "NAtS"), partial(mean, seeds, "everything")
    return [
        at_least("questions: accuracy, NAtS - everything", nats("query") - full("query"), -0.03),
        at_least("fillers: accuracy, NAtS - everything", nats("local") - full("local"), -0.03),
        at_most("share of pairs that NAtS keeps", nats("kept"), 0.40),
        at_most("questions: accuracy of first and last tokens", full("sinks query"), 0.5),
        at_most("questions: accuracy of heavy hitters", full("heavy query"), 0.65),
        at_least("share kept, the smaller of both rules - NAtS",
                 min(full("sinks kept"), full("heavy kept")) - nats("kept"), 0),
        at_least("facts that are Global", nats("recall"), 0.9),
    ]  # fmt: skip


def by_definition(types, window):
    """visible(i, j), from the words: types (T,) of 0 Global, 1 Local, 2 Sliding."""
    n, seen = len(types), np.zeros((len(types), len(types)), dtype=bool)
    for j in range(n):
        closed = next((n for n in range(j + 1, n) if types[n] == 0), n)
        for i in range(j, n):
            seen[i, j] = [True, i <= closed, i <= j + window][types[j]]
    return seen


def typed_attention(rng, ends=True):
    """A small attention whose types differ from token to token."""
    weights = TokenTypes(6, 2, 2, rng=rng, start=(0, 0, 0), ends=ends)
    weights.guess.weight.data = rng.normal(size=weights.guess.weight.shape)
    return Attention(MultiHead(6, 2, rng=rng), masks=[Causal()], weights=weights).eval()


def exact():
    rng, n = np.random.default_rng(3), 13
    at, close = np.arange(n), partial(np.allclose, rtol=0, atol=1e-9)
    with precision(64), no_grad():
        drawn = rng.integers(3, size=(2, 3, n))
        seen = visibility(np.eye(3)[drawn], at, at, 2).data
        words = [[by_definition(row, 2) for row in rows] for rows in drawn]
        alone = [visibility(np.tile(np.eye(3)[c], (1, 1, n, 1)), at, at, 2).data[0, 0] for c in range(3)]
        banded = Window(2)(Trace(None, None, q_pos=at, k_pos=at)) & np.tri(n, dtype=bool)
        attention, x = typed_attention(rng), rng.normal(size=(3, n, 6))
        t, cache = attention.trace(x), TypedCache()
        steps = [attention(x[:, i : i + 1], cache=cache).data for i in range(n)]
        needed = int(t.extra["kept"].data[:, :, -1].sum()) * 2 * 3
    with precision(64):
        scores, soft = rng.normal(size=(1, 2, 5, 5)), rng.dirichlet((1, 1, 1), size=(1, 2, 5))

        def weigh(scores, types):
            weights = TokenTypes(4, 2, 1, rng=rng)
            some = Trace(None, None, scores=scores, q_pos=at[:5], k_pos=at[:5], extra=dict(types=types))
            return weights(some)

        worst = gradcheck(weigh, scores, soft)
        hidden = Tensor(np.eye(3)[np.full((1, 1, 5), 2)], requires_grad=True)
        (weigh(Tensor(scores[:, :1]), hidden) * rng.normal(size=(5, 5))).sum().backward()
    return {
        "the product over spans = the definition in words": close(seen, words),
        "all Global: causal attention": close(alone[0], np.tri(n)),
        "all Local: causal attention": close(alone[1], np.tri(n)),
        "all Sliding: a window": close(alone[2], banded),
        "the first token is Global": bool((t.extra["types"].data[:, :, 0, 0] == 1).all()),
        "hidden keys weigh exactly 0": not t.weights.data[t.extra["kept"].data == 0].any(),
        "rows sum to 1": close(t.weights.data.sum(-1), 1),
        "decoding with a TypedCache = the full pass": close(np.concatenate(steps, axis=1), t.out.data),
        "the cache holds no more than is seen": 0 < cache.floats() <= needed + 3 * 2 * 2 * 3,
        "the derivative of the mask = finite differences": worst < 1e-6,
        "a hidden key's type has a derivative": bool((hidden.grad[..., 0] != 0).any()),
    }


def draw(figure, run):
    """Who sees whom in one test text, by type and head; and what the rules that keep as much can answer."""
    figure.set_size_inches(14, 4.8)
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
    text = {name: array[:1] for name, array in run.world.items()}
    _, t = shares(run.models["NAtS"], text)
    types, seen = t.extra["types"].numpy()[0].argmax(-1), t.extra["kept"].numpy()[0] > 0
    facts_at = np.flatnonzero(text["inputs"][0, :, 1] < VALUES)
    names = {"Global": COLOURS["red"], "Local": COLOURS["green"], "Sliding": COLOURS["blue"]}
    for head in range(H):
        _who_sees_whom(panels[head], types[head], seen[head], list(names.values()))
        panels[head].plot(facts_at, np.full(len(facts_at), -2.2), "v", color="black", clip_on=False)
        panels[head].set_title(
            f"head {head}: keeps {seen[head].sum() / (LENGTH * (LENGTH + 1) / 2):.0%}", pad=12
        )
    for (name, colour), y in zip(names.items(), (4, 8, 12)):
        panels[0].text(LENGTH - 2, y, name, color=colour, ha="right", weight="bold")
    panels[0].text(LENGTH - 2, 16, "v  facts", ha="right")
    _bars(panels[2], run.measured)


def _who_sees_whom(ax, types, seen, colours):
    pixels = np.ones((LENGTH, LENGTH, 3))
    for c, colour in enumerate(colours):
        pixels[seen & (types == c)] = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    pixels[~seen & np.tri(LENGTH, dtype=bool)] = 0.93
    ax.imshow(pixels)
    ax.set(xlabel="key", ylabel="query")


def _bars(ax, measured):
    nats, full = measured["NAtS"], measured["everything"]
    groups = {"everything": full, "NAtS": nats}
    for name, label in (("sinks", "first\nand last"), ("heavy", "heavy\nhitters")):
        groups[label] = {what: full[f"{name} {what}"] for what in ("query", "local", "kept")}
    for shift, what, colour, label in (
        (-0.27, "query", "blue", "questions"),
        (0, "local", "green", "fillers"),
        (0.27, "kept", "orange", "kept"),
    ):
        heights = [group[what] for group in groups.values()]
        drawn = ax.bar(np.arange(4) + shift, heights, 0.25, color=COLOURS[colour], label=label)
        ax.bar_label(drawn, fmt="{:.2f}", fontsize=7)
    ax.set_xticks(range(4), list(groups), fontsize=9)
    ax.set(ylim=(0, 1.25), ylabel="share", title="right answers, and pairs that are kept")
    ax.legend(loc="upper center", ncols=3, frameon=False)
