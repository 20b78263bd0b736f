"""84. CoPE: positions that count what matters, against positions that count every token.

kth-last     tokens, some of them marked, then a question: the value of the k-th last marked one (k = 1 .. 4).
             The gaps are random, so that the distance says little about k.
flip-flop    write a value, ignore a value, read: the value written last.

"harder" asks the same of texts that are twice as long, with fewer marks or writes. The model has one layer;
it answers the last token, so only that row of attention is computed.
"""

import math
from functools import partial

import numpy as np

from ...attention import ALiBi, Causal, CoPE, LearnedPositions, Relative, Rotary, Trace, multi_head, record
from ...autodiff import as_tensor, gradcheck, no_grad, ops, precision
from ...nn import Embedding, FeedForward, LayerNorm, Linear, Module
from ...plots import COLOURS, alignment, heatmap
from ...worlds import counting
from ..base import Arm, Paper, at_least, at_most, mean
from ..fitting import fitted

D, H, LENGTH = 32, 2, 32

PAPER = Paper(
    number=84,
    title="Contextual Position Encoding: Learning to Count What's Important",
    year=2024,
    arxiv="2405.18719",
    family="positions",
    slot="positions",
    lesson="positions",
    claim="CoPE solves selective copy, counting and flip-flop where absolute, relative and rotary positions "
    "fail, and lowers perplexity on WikiText-103 and on code.",
    part="counting marked tokens, and flip-flop; perplexity on real text is not measured.",
    choose="accuracy",
    budget_s=20,
)


def kth_last(rng, batch, harder):
    p_mark, length = (0.1, 2 * LENGTH) if harder else (0.25, LENGTH)
    drawn = counting.kth_last(rng, batch, length=length, p_mark=p_mark)
    return dict(tokens=drawn["inputs"], kinds=drawn["marked"].astype(int), targets=drawn["targets"])


def flip_flop(rng, batch, harder):
    p_ignore, length = (0.95, 2 * LENGTH) if harder else (0.8, LENGTH)
    drawn = counting.flip_flop(rng, batch, length=length, p_ignore=p_ignore)
    return dict(tokens=drawn["values"], kinds=drawn["instructions"], targets=drawn["targets"][:, -1])


# task: (how to draw from it, (tokens, kinds of tokens, answers), training steps)
TASKS = {"kth-last": (kth_last, (14, 2, 10), 600), "flip-flop": (flip_flop, (3, 3, 2), 300)}


def world(seed):
    """Two fixed test sets a task; the batches to train on are drawn anew at each step."""
    rng = np.random.default_rng([seed, 1])
    return {
        task: {"accuracy": sample(rng, 2000, False), "harder": sample(rng, 2000, True)}
        for task, (sample, _, _) in TASKS.items()
    }


class Reader(Module):
    """One pre-norm transformer block that answers a text's last token. Start values are those of all arms."""

    def __init__(self, sizes, positions, rng):
        tokens, kinds, answers = sizes
        own = positions(rng.spawn(1)[0])
        self.token, self.kind = Embedding(tokens, D, rng=rng), Embedding(kinds, D, rng=rng)
        self.attention = multi_head(D, H, rng=rng, positions=[own], masks=[Causal()])
        self.block, self.answer = FeedForward(D, 2 * D, rng=rng), Linear(D, answers, rng=rng)
        self.norms = [LayerNorm(D) for _ in range(3)]

    def forward(self, batch):
        x, last = self.token(batch["tokens"]) + self.kind(batch["kinds"]), batch["tokens"].shape[1] - 1
        x = self.attention.positions[0].embed(x, np.arange(last + 1))
        context = self.norms[0](x)
        y = x[:, -1:] + self.attention(context[:, -1:], context, start=last)
        y = y + self.block(self.norms[1](y))
        return self.answer(self.norms[2](y))[:, 0]


POSITIONS = {
    "CoPE": lambda rng: CoPE(8, D // H),
    "rotary": lambda rng: Rotary(D // H),
    "relative": lambda rng: Relative(D // H, LENGTH, rng=rng),
    "ALiBi": lambda rng: ALiBi(H),
    "absolute": lambda rng: LearnedPositions(LENGTH + 1, D, rng=rng),
}
LARGER = {
    "relative": "its tables have a row for every distance, CoPE's has 8 rows",
    "absolute": "its table has a row for every place, CoPE's has 8 rows",
}


def arms(world):
    return {
        f"{name}, {task}": Arm(
            partial(Reader, sizes, positions), steps, (2e-3, 5e-3, 1e-2), task, LARGER.get(name, "")
        )
        for task, (_, sizes, steps) in TASKS.items()
        for name, positions in POSITIONS.items()
        if task == "kth-last" or name in ("CoPE", "rotary", "relative")
    }


def fit(arm, world, lr, seed, label):
    sample, _, _ = TASKS[arm.group]
    return fitted(
        arm,
        lambda rng: sample(rng, 64, False),
        lambda model, batch: ops.cross_entropy(model(batch), batch["targets"]),
        lr,
        seed,
        label,
        warmup=30,
    )


def measure(model, world, arm):
    """Share of right answers on both test sets; absolute positions have no vectors for longer texts."""
    longest = getattr(model.attention.positions[0], "max_len", np.inf)
    with no_grad():
        return {
            name: np.mean(model(batch).numpy().argmax(-1) == batch["targets"])
            for name, batch in world[arm.group].items()
            if batch["tokens"].shape[1] <= longest
        }


def holds(seeds):
    def of(name, metric):
        return mean(seeds, f"{name}, kth-last", metric)

    accuracy, harder = of("CoPE", "accuracy"), of("CoPE", "harder")
    best = max(of(rival, "accuracy") for rival in ("absolute", "relative", "rotary", "ALiBi"))
    best_harder = max(of(rival, "harder") for rival in ("relative", "rotary", "ALiBi"))
    return [
        at_least("kth-last: accuracy of CoPE", accuracy, 0.95),
        at_most("kth-last: accuracy of the best rival", best, 0.80),
        at_least("harder kth-last: accuracy of CoPE", harder, 0.85),
        at_least("harder kth-last: lead over the best rival", harder - best_harder, 0.2),
    ]


def probe(table, q, k, gates=None):
    """(bias, p), each (B,H,T,T), that CoPE gives with this table; `gates` (T,T) in place of its own."""
    cope, at = CoPE(len(table), table.shape[-1]), np.arange(q.shape[2])
    cope.table = table
    if gates is not None:
        cope.gates = lambda t: as_tensor(np.broadcast_to(gates, (*q.shape[:3], len(at))))
    t = Trace(q, k, q=q, k=k, q_pos=at, k_pos=at)
    return cope.bias(t), t.extra["cope"]


def by_hand(table, q, k, h, i, j):
    """Equations 3 to 5 for one pair of tokens of the first text."""
    p = sum(1 / (1 + math.exp(-q[0, h, i] @ k[0, h, t] / 3**0.5)) for t in range(j, i + 1))
    low, high = math.floor(p), math.ceil(p)
    return q[0, h, i] @ ((p - low) * table[high] + (1 - p + low) * table[low]) / 3**0.5


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-12)
    past = np.tri(7, dtype=bool)
    i, j = np.nonzero(past)
    with precision(64):
        q, k, table = (as_tensor(rng.normal(size=shape)) for shape in ((1, 2, 7, 3), (1, 2, 7, 3), (8, 3)))
        rows = (q @ table.T).data / 3**0.5  # (1,2,7,8): the bias at each whole position
        bias, p = probe(table, q, k)
        opened, places = probe(table, q, k, 1.0 * past)
        shut, _ = probe(table, q, k, 0.0 * past)
        ramp, _ = probe(as_tensor(np.arange(8.0)[:, None] * table.data[1]), q, k)
        short, few = probe(table[:2], q, k)
        hand = [[by_hand(table.data, q.data, k.data, h, *pair) for pair in zip(i, j)] for h in (0, 1)]
        scores, many = q @ ops.swapaxes(k, -1, -2), p.data > 1
        worst = gradcheck(lambda *given: probe(*given)[0], table.data, q.data[:, :1], k.data[:, :1])
        attention = multi_head(6, 2, rng=rng, positions=[CoPE(8, 3)], masks=[Causal()])
        attention.positions[0].table.data, x = table.data, rng.normal(size=(1, 7, 6))
        moved = np.abs(attention(x).data - attention(x + (np.arange(7) == 5)[:, None]).data).max(axis=(0, 2))
        weights = [ops.softmax(s, past).data for s in (scores + shut, scores)]
    return {
        "gates of 1: p = i - j + 1": close(places.data[..., i, j], i - j + 1),
        "gates of 1: the bias of a relative position": close(opened.data[..., i, j], rows[..., i, i - j + 1]),
        "gates of 0: the weights of no position at all": close(*weights),
        "a table on a line is exact between whole positions": close(ramp.data, p.data * rows[..., 1:2]),
        "bias = the triple loop": close(bias.data[0][:, i, j], hand),
        "p never rises with j": (np.diff(p.data) <= 0).all(),
        "counts beyond the table share its last row": many.any()
        and (few.data[many] == 1).all()
        and close(short.data[many], np.broadcast_to(rows[..., 1:2], p.shape)[many]),
        "the gradient through p = finite differences": worst < 1e-6,
        "a later token changes no earlier row": (moved[:5] == 0).all() and moved[5] > 1e-3,
    }


def asked(model, text, upto, question):
    """The record of the model's attention when `question` follows the first `upto` tokens of a text."""
    tokens = np.append(text["inputs"][0, :upto], 9 + question)
    kinds = np.append(text["marked"][0, :upto], False).astype(int)
    with no_grad(), record(model) as traces:
        model(dict(tokens=tokens[None], kinds=kinds[None]))
    return traces["attention"]


def draw(figure, run):
    """What is counted when the question follows each token, what a token adds, and where the models look."""
    figure.set_size_inches(13, 5)
    n, text = 24, counting.kth_last(np.random.default_rng(7), 1, length=24)
    marked, model = text["marked"][0, :n], run.models["CoPE, kth-last"]
    gates = model.attention.positions[0].gates(asked(model, text, n, 3)).data[0, :, 0, :n]
    head = int(np.argmax(gates[:, marked].mean(1) - gates[:, ~marked].mean(1)))
    counts, distances = np.full((2, n, n), np.nan)
    for i in range(n):
        counts[i, : i + 1] = asked(model, text, i + 1, 3).extra["cope"].data[0, head, 0, :-1]
        distances[i, : i + 1] = np.arange(i + 1, 0, -1)
    panels = figure.add_gridspec(1, 3)
    _counted(panels[0], distances, np.ones(n), text, "relative: every token counts")
    _counted(panels[1], counts, gates[head], text, f"CoPE, head {head}: marked tokens count")
    for ax, arm in zip(panels[2].subgridspec(2, 1).subplots(), ("relative", "CoPE")):
        traces = [asked(run.models[f"{arm}, kth-last"], text, n, k) for k in (1, 2, 3, 4)]
        looks = np.stack([t.weights.data[0, :, 0, :n].mean(0) for t in traces])
        gold = {(k, int(np.flatnonzero(marked)[-1 - k])) for k in range(4)}
        accuracy = run.measured[f"{arm}, kth-last"]["accuracy"]
        title = f"{arm}: where it looks (accuracy {accuracy:.2f})"
        alignment(ax, looks, range(n), [f"k = {k}" for k in (1, 2, 3, 4)], gold, title=title)
        _name_tokens(ax, text, n)
        ax.set_ylabel("question")


def _counted(panel, p, added, text, title):
    """p of each key (columns) for a question after each token (rows), above what each token adds to p."""
    n, colours = len(p), [COLOURS["red"] if mark else COLOURS["blue"] for mark in text["marked"][0, :-1]]
    above, below = panel.subgridspec(2, 1, height_ratios=(5, 1)).subplots()
    heatmap(above, p, limits=(0, 8), label="position p", title=title, names=("question after token", ""))
    above.contour(np.ma.masked_invalid(p), levels=np.arange(0.5, 8), colors="black", linewidths=0.5)
    above.set_xticks([])
    below.bar(range(n), added, color=colours)
    below.set(xlim=(-0.5, n - 0.5), ylim=(0, 1.1), ylabel="adds")
    _name_tokens(below, text, n)


def _name_tokens(ax, text, n):
    """The values below, the marked ones in bold red."""
    ax.set_xticks(range(n), text["inputs"][0, :n], rotation=0, ha="center", fontsize=7)
    for label, mark in zip(ax.get_xticklabels(), text["marked"][0]):
        label.set(color=COLOURS["red"] if mark else "black", weight="bold" if mark else "normal")
    ax.set_xlabel("value of the token (red: marked)")
