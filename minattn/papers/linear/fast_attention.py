"""105. FAST: the first terms of exp in place of exp, whose sums over tokens factor.

Eight facts and one question about one of them; a fact is one token, no token has a place, and one layer of
attention looks. Weights are polynomials f_p of s, order 1 or 2, over their sum: with "std" queries and keys
are standardised token by token and s = q . k / sqrt(d); with "maxnorm" they are centred and divided by the
longest in the head, so that |s| <= 1.
"""

import time
from functools import partial

import numpy as np

from ...attention import Attention, MultiHead, multi_head
from ...attention.linear import CentredByLongest, LinearEncoder, LinearMixer, Standardised, Taylor
from ...autodiff import Tensor, as_tensor, gradcheck, no_grad, precision
from ...models.tiny import TinyTransformer
from ...nn.optim import AdamW
from ...plots import COLOURS, curves
from ...training import fit as train
from ...worlds import facts
from ..base import Arm, Paper, at_least, at_most, mean

D, H, FACTS = 32, 4, 8
LENGTHS = 2 ** np.arange(6, 13)

PAPER = Paper(
    number=105,
    title="FAST: Factorizable Attention for Speeding up Transformers",
    year=2024,
    arxiv="2402.07901",
    family="linear",
    slot="linear",
    lesson="linear-attention",
    claim="Weights that are a polynomial of q . k cost linear time, keep attention from all tokens to all, "
    "and are about as accurate as softmax.",
    part="recall of one fact among eight, and costs; digits and the long-range benchmark are not measured.",
    choose="accuracy",
    budget_s=20,
)

FEATURES = {
    "fastmax2 std": lambda: Standardised(Taylor(2)),
    "fastmax2 maxnorm": lambda: CentredByLongest(Taylor(2, scale=1.0)),
    "fastmax1 maxnorm": lambda: CentredByLongest(Taylor(1, scale=1.0)),
}

sample = partial(facts.mqar, n_facts=FACTS, n_queries=1, n_keys=16, n_values=8, n_fillers=1, length=FACTS + 1)


def world(seed):
    return {"test": sample(np.random.default_rng([seed, 1]), 2000)}


def attention(name, rng):
    """Every token may attend to all: the question comes last, so that nothing hangs on it."""
    projection = MultiHead(D, H, rng=rng)
    return Attention(projection) if name == "softmax" else LinearEncoder(projection, FEATURES[name]())


def build(rng, name):
    return TinyTransformer([17, 9], 8, [attention(name, rng)], d_model=D, rng=rng)


def arms(world):
    return {name: Arm(partial(build, name=name), 300, (1e-2,)) for name in ("softmax", *FEATURES)}


def fit(arm, world, lr, seed, label):
    model = arm.build(np.random.default_rng(seed))
    train(
        model,
        partial(sample, batch=64),
        TinyTransformer.loss,
        AdamW(model.parameters(), lr=lr),
        steps=arm.steps,
        clip=1.0,
        seed=seed,
        label=label,
    )
    return model.eval()


def cost(mixer, n):
    """Multiply-adds of the core for n tokens."""
    return mixer.flops(n) if isinstance(mixer, LinearMixer) else 2 * D * n * n


def weights(mixer, x):
    """(B,H,T,T) of a mixer: what it never forms where it is fast."""
    q, k, _ = mixer.projection(x, x)
    if isinstance(mixer, Attention):
        return mixer.trace(x).weights.data
    q, k = mixer.feature(q, k)
    products = q.data @ np.swapaxes(k.data, -1, -2)
    return products / products.sum(-1, keepdims=True)


def measure(model, world, arm):
    mixer, inputs = model.mixers[0], world["test"]["inputs"]
    costs = [cost(mixer, int(n)) for n in LENGTHS]
    with no_grad():
        x = model.norms[0](model.tables[0](inputs[..., 0]) + model.tables[1](inputs[..., 1]))
        long, times = Tensor(np.random.default_rng(0).normal(size=(1, 4096, D))), []
        for _ in range(3):
            start = time.perf_counter()
            mixer(long)
            times.append(time.perf_counter() - start)
        return {
            "accuracy": model.accuracy(world["test"]),
            "sharpness": weights(mixer, x)[:, :, -1].max(-1).mean(),
            "slope": np.polyfit(np.log(LENGTHS), np.log(costs), 1)[0],
            "ms_4096": 1000 * min(times),
        }


def holds(seeds):
    def of(name, metric="accuracy"):
        return mean(seeds, name, metric)

    std, two, one = (of(name) for name in FEATURES)
    slopes = [of(name, "slope") for name in FEATURES]
    return [
        at_most("slope of the cost of fastmax: distance from 1", max(abs(s - 1) for s in slopes), 0.02),
        at_least("slope of the cost of softmax", of("softmax", "slope"), 1.8),
        at_least("accuracy: fastmax2 std - softmax", std - of("softmax"), -0.05),
        at_least("accuracy: fastmax2 std - fastmax2 maxnorm", std - two, 0.10),
        at_least("accuracy: fastmax2 - fastmax1, maxnorm", two - one, 0.05),
        at_most(
            "time for 4096 tokens: fastmax2 std / softmax",
            of("fastmax2 std", "ms_4096") / of("softmax", "ms_4096"),
            1,
        ),
    ]


def by_hand(mixer, x, order, causal):
    """The explicit N x N polynomial, row-normalised, times V; and the weights."""
    scaling = mixer.feature
    taylor, scaling.feature = scaling.feature, lambda q, k: (q, k)
    (q, k, v), scale = mixer.projection(x, x), 1.0 if taylor.scale else (D // H) ** -0.5
    q, k = scaling(q, k)
    scaling.feature = taylor
    s = scale * q.data @ np.swapaxes(k.data, -1, -2)
    w = (1 + s + (order == 2) * s**2 / 2) * (np.tri(x.shape[1]) if causal else 1)
    w = w / w.sum(-1, keepdims=True)
    return mixer.projection.merge(as_tensor(w @ v.data)).data, w


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-9)
    grid, found, shown = np.linspace(-1, 1, 201), {}, {}
    with precision(64):
        x = as_tensor(rng.normal(size=(1, 70, D)))
        for name, feature in FEATURES.items():
            for kind in (LinearMixer, LinearEncoder):
                mixer, causal = kind(MultiHead(D, H, rng=rng), feature()), kind is LinearMixer
                out, w = by_hand(mixer, x, int(name[7]), causal)
                found[name, causal] = close(mixer(x).data, out) and close(mixer.parallel(x).data, out)
            shown[name] = w
        std = LinearMixer(MultiHead(4, 2, rng=rng), FEATURES["fastmax2 std"]())
        short, state, outs = rng.normal(size=(2, 5, 4)), None, []
        worst = gradcheck(std, short), gradcheck(std.parallel, short)
        for t in range(5):
            out, state = std.step(short[:, t : t + 1], state)
            outs.append(out.data)
        decodes = close(np.concatenate(outs, axis=1), std.parallel(short).data)
        q, k = (as_tensor(rng.normal(size=(1, 1, 50, 8))) for _ in range(2))
        s, features = q.data @ np.swapaxes(k.data, -1, -2), [f.data for f in Taylor(scale=1.0)(q, k)]
    two, one = shown["fastmax2 maxnorm"], shown["fastmax1 maxnorm"]
    return {
        "factored = explicit matrix, all to all": all(found[name, False] for name in FEATURES),
        "factored = explicit matrix, causal": all(found[name, True] for name in FEATURES),
        "rows sum to 1": all(close(w.sum(-1), 1) for w in shown.values()),
        "weights of order 2 are positive": two.min() > 0 and shown["fastmax2 std"].min() > 0,
        "weights of order 1 are not negative where |s| <= 1": one.min() >= 0,
        "phi(q) . phi(k) = 1 + s + s^2 / 2": close(
            features[0] @ np.swapaxes(features[1], -1, -2), 1 + s + s**2 / 2
        ),
        "|f_2 - exp| <= .22 on [-1, 1]": np.abs(1 + grid + grid**2 / 2 - np.exp(grid)).max() <= 0.22,
        "maxnorm, order 2: no weight above 5 times another": (two.max(-1) / two.min(-1)).max() <= 5,
        "gradients = finite differences": max(worst) < 1e-6,
        "decoding by moments = parallel": decodes,
    }


def draw(figure, run):
    """What attention costs, how sharp it can be, and what it recalls."""
    figure.set_size_inches(15, 4.4)
    costs, rows, recall = figure.subplots(1, 3)
    lengths = 2 ** np.arange(3, 13)
    mixers = {name: model.mixers[0] for name, model in run.models.items()}
    shown = ("softmax", "fastmax2 std", "fastmax1 maxnorm")
    curves(
        costs,
        {name.split()[0]: (lengths, [cost(mixers[name], int(n)) for n in lengths]) for name in shown},
        xlabel="tokens",
        ylabel="multiply-adds",
        log=True,
        title="cost of one layer (4 heads of length 8)",
    )
    crossing = cost(mixers["fastmax2 std"], 1) / (2 * D)
    costs.axvline(crossing, color="grey", linewidth=0.8)
    costs.set_xscale("log")
    costs.annotate(f"N = {crossing:.0f}", (crossing, 1e8), (5, 0), textcoords="offset points", fontsize=9)
    rng = np.random.default_rng(1)
    x, one = Tensor(3 * rng.normal(size=(1, 24, D))), multi_head(D, H, rng=rng)
    order = np.argsort(-weights(one, x)[0, 0, 0])
    for (name, feature), style in zip(FEATURES.items(), ("-", "--", ":")):
        mixer = LinearEncoder(one.projection, feature())
        rows.plot(weights(mixer, x)[0, 0, 0][order], style, label=name)
    rows.plot(weights(one, x)[0, 0, 0][order], "k.-", label="softmax")
    rows.set(xlabel="key, by its softmax weight", ylabel="weight", title="one row of weights, same q and k")
    rows.legend(frameon=False)
    accuracies = [m["accuracy"] for m in run.measured.values()]
    bars = recall.bar(range(4), accuracies, color=[COLOURS[c] for c in ("black", "blue", "sky", "orange")])
    recall.bar_label(bars, fmt="{:.3f}")
    recall.set_xticks(range(4), [name.replace(" ", "\n") for name in run.measured])
    recall.set(ylim=(0, 1.1), ylabel="accuracy", title="one fact among eight")
