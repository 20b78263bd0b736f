"""119. BASED: a linear attention with Taylor features recalls what a small window shifts into place.

Sixteen keys, each with its value behind it, then the sixteen keys in another order: which value belonged to
each? Layer 1 has to tie a value to the token before it, layer 2 to look it up. A window of 4 tokens with
rotary positions can do the first and not the second, a linear attention without positions the second and not
the first. An arm is named after its layers: "window-taylor8" has Taylor features of queries and keys of
length 8 in layer 2.
"""

import math
from functools import partial

import numpy as np

from ...attention import LinearMixer, NarrowKeys, Rotary
from ...attention.linear import Each, Taylor, elu_plus_one
from ...attention.mixers import softmax, window
from ...attention.mixers.gated_conv import GatedConv
from ...autodiff import as_tensor, no_grad, precision
from ...models.tiny import TinyTransformer
from ...plots import COLOURS, curves
from ...worlds.pairs import pairs
from ..base import Arm, Paper, at_least, at_most, exactly, mean
from ..fitting import fitted

D, H, WIDTH, LENGTH = 32, 2, 4, 48
KEYS, VALUES = 32, 16

PAPER = Paper(
    number=119,
    title="Simple linear attention language models balance the recall-throughput tradeoff",
    year=2024,
    arxiv="2402.18668",
    family="linear",
    slot="linear",
    lesson="linear-attention",
    claim="A Taylor linear attention with a small window recalls more than other sub-quadratic models of its "
    "perplexity, at a constant cost a token.",
    part="recall against the size of the state, and counted costs; not perplexity, not throughput.",
    choose="accuracy",
    budget_s=20,
)


def world(seed):
    return {"test": pairs(np.random.default_rng([seed, 1]), 300, n_keys=KEYS, n_values=VALUES)}


def windowed(rng, width):
    return window.make(D, H, rng=rng, width=width, positions=[Rotary(D // H)])


def linear(rng, feature, d_key):
    return LinearMixer(NarrowKeys(D, H, d_key, rng=rng), feature())


TAYLOR, ELU = Taylor, partial(Each, elu_plus_one)
LAYERS = {
    "window": partial(windowed, width=WIDTH),
    "full": partial(windowed, width=LENGTH),
    **{f"taylor{d}": partial(linear, feature=TAYLOR, d_key=d) for d in (2, 4, 8)},
    **{f"elu{d}": partial(linear, feature=ELU, d_key=d) for d in (8, 70)},
}
ARMS = {
    "window-taylor8": "",
    "window-elu8": "",
    "window-taylor4": "its queries and keys are shorter",
    "window-taylor2": "its queries and keys are shorter",
    "window-elu70": "its keys are long, so that its state is as large as that of window-taylor8",
    "window-window": "its queries and keys are as long as its values",
    "taylor8-taylor8": "its queries and keys are short in both layers",
    "window-full": "its queries and keys are as long as its values",
}


def build(rng, layers):
    made = [LAYERS[layer](rng=rng) for layer in layers]
    return TinyTransformer([KEYS + VALUES], VALUES, made, d_model=D, d_ff=(0, 2 * D), rng=rng)


def arms(world):
    return {
        name: Arm(partial(build, layers=name.split("-")), 250, (1e-2,), because=because)
        for name, because in ARMS.items()
    }


def fit(arm, world, lr, seed, label):
    return fitted(
        arm,
        partial(pairs, batch=32, n_keys=KEYS, n_values=VALUES),
        TinyTransformer.loss,
        lr,
        seed,
        label,
        warmup=25,
    )


def token_cost(stack, t):
    """Multiply-adds of the mixers for token number t."""
    return sum(mixer.flops(t) - mixer.flops(t - 1) for mixer in stack)


def measure(model, world, arm):
    return {
        "accuracy": model.accuracy(world["test"]),
        "state": model.mixers[1].state_floats(LENGTH),
        "growth": token_cost(model.mixers, 2048) / token_cost(model.mixers, 32),
    }


def holds(seeds):
    def of(name, metric="accuracy"):
        return mean(seeds, name, metric)

    taylor = [of(f"window-taylor{d}") for d in (2, 4, 8)]
    return [
        at_least("window-taylor8: accuracy", taylor[2], 0.93),
        at_most("window-window: accuracy", of("window-window"), 0.30),
        at_most("taylor8-taylor8: accuracy", of("taylor8-taylor8"), 0.50),
        at_least("window-taylor8 - window-elu8", taylor[2] - of("window-elu8"), 0.13),
        at_least("window-taylor4 - window-taylor2", taylor[1] - taylor[0], 0.05),
        at_least("window-taylor8 - window-taylor4", taylor[2] - taylor[1], 0.05),
        at_least("window-full: accuracy", of("window-full"), 0.95),
        exactly("window-taylor8: cost of token 2048 / of token 32", of("window-taylor8", "growth"), 1),
    ]


def decoded(mixer, x):
    """Repeated steps, and the numbers in the last state."""
    outs, state = [], None
    for t in range(x.shape[1]):
        out, state = mixer.step(x[:, t : t + 1], state)
        outs.append(out.data)
    return np.concatenate(outs, axis=1), state


def exact():
    rng, close = np.random.default_rng(5), partial(np.allclose, rtol=0, atol=1e-10)
    with precision(64), no_grad():
        q, k = (as_tensor(rng.normal(size=(1, 2, 300, 5))) for _ in range(2))
        s = (q.data * k.data).sum(-1) / math.sqrt(5)
        whole, half = ((a.data * b.data).sum(-1) for a, b in (Taylor()(q, k), Taylor(symmetric=True)(q, k)))
        near, x = np.abs(s) <= 0.5, rng.normal(size=(1, 70, D))
        mixer, full = linear(rng, Taylor, 8), softmax.make(D, H, rng=rng)
        wide, narrow = (window.make(D, H, rng=rng, width=width) for width in (70, 1))
        wide.attention.projection = full.attention.projection
        alone = narrow.attention.projection
        steps, (_, state) = decoded(mixer, x)
        windowed_out, cache = decoded(LAYERS["window"](rng=rng), x)
        pieces, table = mixer(x).data, mixer.parallel(x).data
        outs = wide(x).data, full(x).data, narrow(x).data
        conv, moved = GatedConv(D, rng=rng), x + (np.arange(70) == 30)[:, None]
        seen = np.flatnonzero(np.abs(conv(moved).data - conv(x).data).max(axis=(0, 2)) > 1e-9)
        own = alone.merge(alone(as_tensor(x), as_tensor(x))[2]).data
    return {
        "phi(q) . phi(k) = 1 + s + s^2 / 2": close(whole, 1 + s + s**2 / 2),
        "and at least 1/2": whole.min() >= 0.5,
        "within 3.1 % of exp(s) where |s| <= 0.5": np.abs(whole / np.exp(s) - 1)[near].max() <= 0.031,
        "half of the products of features are enough": close(half, whole),
        "steps = parallel": close(steps, table),
        "chunks = parallel": close(pieces, table),
        "declared state = carried state, linear": state.size == mixer.state_floats(70),
        "declared state = carried state, window": cache.floats()
        == LAYERS["window"](rng=rng).state_floats(70),
        "a window as wide as the text is full attention": close(*outs[:2]),
        "a window of 1 sees the token itself": close(outs[2], own),
        "the gated convolution sees three tokens, none of them later": list(seen) == [30, 31, 32],
    }


def draw(figure, run):
    """Recall against the state of layer 2, and what a token costs as the text grows."""
    figure.set_size_inches(12, 4.8)
    left, right = figure.subplots(1, 2)
    kinds = {"taylor": ("blue", "o"), "elu": ("orange", "s"), "window": ("black", "^"), "full": ("red", "D")}
    places = {"window-elu70": (-76, 2), "window-taylor8": (-30, -16), "window-full": (-6, 10)}
    for name, measured in run.measured.items():
        first, second = name.split("-")
        colour, marker = kinds[second.rstrip("0123456789")]
        filled = COLOURS[colour] if first == "window" else "white"
        at = measured["state"], measured["accuracy"]
        left.plot(*at, marker, color=COLOURS[colour], mfc=filled, markersize=9)
        left.annotate(name, at, places.get(name, (7, -12)), textcoords="offset points", fontsize=8)
    left.set(xscale="log", xlim=(150, 6000), ylim=(0, 1.12), ylabel="recall")
    left.set_xticks([200, 500, 1000, 2000, 5000], ["200", "500", "1000", "2000", "5000"])
    left.set_xticks([], minor=True)
    left.set(xlabel="numbers in the state of layer 2", title="recall follows the size of the state")
    lengths = 2 ** np.arange(3, 13)
    near, full = run.models["window-full"].mixers[0], softmax.make(D, H, rng=np.random.default_rng(0))
    stacks = {"window and full softmax": [near, full]}
    stacks |= {name: run.models[name].mixers for name in ("window-taylor8", "window-elu8")}
    costs = {name: (lengths, [token_cost(stack, int(t)) for t in lengths]) for name, stack in stacks.items()}
    titles = dict(xlabel="tokens before it", ylabel="multiply-adds", title="what decoding one token costs")
    curves(right, costs, log=True, **titles)
    right.set_xscale("log")
