"""112. Rank: one head that sees all of a vector, against many heads that see a few directions each.

Which of N points on a sphere is nearest to a query? An attention layer answers with a mixture of the points.

    equal      r H = 16: heads of rank r, and as many as keep the numbers in queries and keys the same
    more       r H = 64: four times the queries and keys
    layers     two layers of 4 heads of rank 4 each, against one of 4 and one of 8 (N = 2)

The error is the mean squared one, as a share of that of the points' mean: 1 where attention does not choose.
"""

from functools import partial

import numpy as np

from ...attention import Attention, Dot
from ...attention.projections import WholeValues
from ...autodiff import no_grad, ops, precision
from ...metrics.rank import effective_rank
from ...nn import Module
from ...nn.optim import Adam
from ...plots import COLOURS, curves
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import sphere
from ..base import Arm, Paper, at_least, at_most, mean

D, STEPS, RATES = 16, 500, (1e-2, 3e-2, 1e-1)
EQUAL, MORE = [(16, 1), (8, 2), (4, 4), (2, 8), (1, 16)], [(8, 8), (4, 16), (2, 32), (1, 64)]
LARGER = "each head has value maps of its own, d x d as in the theory, whatever its rank"

PAPER = Paper(
    number=112,
    title="On the Benefits of Rank in Attention Layers",
    year=2024,
    arxiv="2407.16153",
    family="heads",
    slot="projections",
    lesson="heads",
    claim="One head of full rank represents the nearest neighbour for any context length; heads of low "
    "rank need exponentially many, and trained transformers show the same.",
    part="what is trained at d = 16; the exponential law itself is not measured.",
    note="Two layers of 4 heads of rank 4 beat one such layer at N = 2, but not one of 8, as large as both: "
    "one seed of three finds a solution with half its error (.18), the other two stop at .475. The "
    "error does not fall with the rank of equally large low-rank arms: 4 x rank 4 is the worst of them.",
    choose="-error",
    budget_s=20,
)


class Chooser(Module):
    """The query attends to the points; all layers but the last add what they gather to the query."""

    def __init__(self, rank, n_heads, n_layers, rng):
        self.layers = [
            Attention(WholeValues(D, n_heads, rank, rng=rng), score=Dot()) for _ in range(n_layers)
        ]

    def forward(self, batch):
        x, points = ops.expand_dims(batch["query"], 1), batch["points"]
        for layer in self.layers[:-1]:
            x = x + layer(x, points)
        return self.layers[-1](x, points)[:, 0]


def name(rank, n_heads, n):
    return f"{n_heads} x rank {rank}, N = {n}"


def world(seed):
    """A test set for each N; the points to train on are drawn anew at each step."""
    rng = np.random.default_rng([seed, 1])
    return {n: sphere.nearest(rng, 4000, n_points=n, d=D) for n in (2, 4, 16)}


def arms(world):
    made = {}
    for n in world:
        for rank, n_heads in EQUAL + (MORE if n == 4 else [(4, 8)] if n == 2 else []):
            build = partial(Chooser, rank, n_heads, 1)
            made[name(rank, n_heads, n)] = Arm(
                build, STEPS, RATES, f"N = {n}", LARGER if n_heads > 1 else "", dict(n=n)
            )
    two = Arm(partial(Chooser, 4, 4, 2), STEPS, RATES, "N = 2", LARGER, dict(n=2))
    return {**made, "2 layers of 4 x rank 4, N = 2": two}


def fit(arm, world, lr, seed, label):
    model, n = arm.build(np.random.default_rng(seed)), arm.settings["n"]
    train(
        model,
        partial(sphere.nearest, batch=128, n_points=n, d=D),
        lambda model, batch: ops.mse(model(batch), batch["target"]),
        Adam(model.parameters(), lr=lr),
        steps=arm.steps,
        schedule=cosine(arm.steps),
        seed=seed,
        label=label,
    )
    return model.eval()


def error(guess, batch):
    """Mean squared error over that of the points' mean."""
    target = batch["target"]
    return ((guess - target) ** 2).sum() / ((batch["points"].mean(1) - target) ** 2).sum()


def measure(model, world, arm):
    """The error, the numbers in queries and keys, and the effective rank of a head of the last layer."""
    batch, heads = world[arm.settings["n"]], model.layers[-1].projection
    with no_grad():
        guess = model(batch).numpy()
    return {
        "error": error(guess, batch),
        "query_key": sum(layer.projection.w_q.weight.size * 2 for layer in model.layers),
        "rank": np.mean([effective_rank(heads.form(h)) for h in range(heads.n_heads)]),
    }


def holds(seeds):
    def of(rank, n_heads, n):
        return mean(seeds, name(rank, n_heads, n), "error")

    full = of(16, 1, 4)
    low = [
        at_least(f"N = 4: error of {h} x rank {r} / full rank", of(r, h, 4) / full, 2.5) for r, h in EQUAL[1:]
    ]
    two = mean(seeds, "2 layers of 4 x rank 4, N = 2", "error")
    return [
        at_most("N = 4: error of one head of full rank", full, 0.25),
        *low,
        at_least("N = 4: error of 16 x rank 4 (4 times the numbers) / full rank", of(4, 16, 4) / full, 2),
        at_most("N = 2: error of two layers of 4 x rank 4 - of one", two - of(4, 4, 2), 0),
        at_most(
            "N = 2: error of two layers of 4 x rank 4 - of one of 8 (as many numbers)", two - of(4, 8, 2), 0
        ),
    ]


def constructed(beta, rank=D):
    """One head with K Q^T = beta times the first `rank` directions, and V = 1: nothing is trained."""
    model = Chooser(rank, 1, 1, np.random.default_rng(0))
    heads = model.layers[0].projection
    heads.w_k.weight.data, heads.w_q.weight.data = np.eye(rank, D), beta * np.eye(rank, D)
    return model


def errors(n, betas, seed=5):
    """The error of the construction for each beta."""
    batch = sphere.nearest(np.random.default_rng(seed), 4000, n_points=n, d=D)
    with no_grad():
        return [error(constructed(beta)(batch).numpy(), batch) for beta in betas]


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-9)
    with precision(64), no_grad():
        batch = sphere.nearest(rng, 211, n_points=5, d=D)
        turn, _ = np.linalg.qr(rng.normal(size=(D, D)))
        turned = dict(batch, points=batch["points"] @ turn.T, query=batch["query"] @ turn.T)
        full, low = constructed(8.0), constructed(8.0, rank=1)
        answers = [
            (model(given).numpy() @ back)
            for model in (full, low)
            for given, back in _both(batch, turned, turn)
        ]
        models = {(r, h): Chooser(r, h, 1, rng) for r, h in EQUAL}
        queries, points = rng.normal(size=(1, 23, D)), rng.normal(size=(1, 29, D))
        ranks = {
            rank: np.linalg.matrix_rank(model.layers[0].trace(queries, points).scores.data, tol=1e-9).max()
            for (rank, _), model in models.items()
        }
        single = sphere.nearest(rng, 7, n_points=1, d=D)
        alone = [model(single).numpy() for model in models.values()]
        falling = {n: errors(n, (1, 2, 4, 8, 16, 32, 64, 1000)) for n in (2, 4, 16)}
    return {
        "beta times 1: the error falls with beta, to 0": all(
            (np.diff(e) < 0).all() and e[-1] < 0.005 for e in falling.values()
        ),
        "N = 4: it is .25, .13, .066 and .033 at beta = 8 to 64": np.allclose(
            falling[4][3:7], (0.25, 0.13, 0.066, 0.033), rtol=0.12
        ),
        "the scores of a head have its rank": all(ranks[r] == r for r in ranks),
        "the target turns with the points": (
            sphere.answer(turned["points"], turned["query"]) == batch["attend"]
        ).all(),
        "so does one head of full rank": close(answers[0], answers[1]),
        "a head of rank 1 does not": np.abs(answers[2] - answers[3]).max() > 0.1,
        "as many numbers in queries and keys": len({2 * D * r * h for r, h in EQUAL}) == 1
        and {m.layers[0].projection.w_q.weight.size for m in models.values()} == {D * D},
        "N = 1: every head with V = 1 is right": all(close(a, single["target"]) for a in alone),
    }


def _both(batch, turned, turn):
    """A batch, and the same one turned with the way back for its answers."""
    return (batch, np.eye(D)), (turned, turn)


def draw(figure, run):
    """Errors over the number of heads and over N, and what beta does without training."""
    figure.set_size_inches(14, 4.4)
    heads, lengths, beta = figure.subplots(1, 3)

    def of(rank, n_heads, n):
        return run.measured[name(rank, n_heads, n)]["error"]

    full = of(16, 1, 4)
    by_rank = {f"rank {r}": ([h, 4 * h], [of(r, h, 4), of(r, 4 * h, 4)]) for r, h in EQUAL[1:]}
    curves(heads, by_rank, xlabel="heads", ylabel="error / error of the mean", title="N = 4", log=True)
    for line in heads.get_lines():
        line.set_marker("o")
    heads.plot([1], [full], "*", color=COLOURS["black"], markersize=11)
    heads.axhline(full, color=COLOURS["black"], linewidth=1, linestyle=":")
    heads.annotate("one head of full rank", (1, full), xytext=(12, 5), textcoords="offset points", fontsize=9)
    by_n = {f"{h} x rank {r}": ([2, 4, 16], [of(r, h, n) for n in (2, 4, 16)]) for r, h in EQUAL}
    curves(lengths, by_n, xlabel="points N", ylabel="", title="as many numbers in queries and keys")
    lengths.set_ylim(0)
    betas = 2.0 ** np.arange(0, 7.5, 0.5)
    untrained = {f"N = {n}": (betas, errors(n, betas)) for n in (2, 4, 16)}
    curves(beta, untrained, xlabel="beta", ylabel="", title="untrained: one head, K Q^T = beta 1", log=True)
    for ax, ticks in ((heads, (1, 2, 4, 8, 16, 32, 64)), (lengths, (2, 4, 16)), (beta, (1, 4, 16, 64))):
        ax.set_xscale("log", base=2)
        ax.set_xticks(ticks, ticks)
    heads.set_yticks((0.05, 0.1, 0.2, 0.4, 0.6), (0.05, 0.1, 0.2, 0.4, 0.6))
    heads.minorticks_off()
