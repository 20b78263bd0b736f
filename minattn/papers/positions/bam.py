"""108. BAM: a position is a prior over distance, whose shape each head learns.

A stream of tokens ends with a question. A near one asks for what stood two tokens before it, which takes
places; a far one for the value of a key anywhere in the stream, where places only disturb. One layer has to
do both, and is tested on streams 4 and 16 times as long as those that it was trained on.

Arms are positions, alone or with scores that grow with the logarithm of the number of keys (SSMax).
"""

from functools import partial

import numpy as np

from ...attention import ALiBi, Attention, Causal, Identity, Rotary, Sinusoidal, Trace, multi_head
from ...attention.positions import GGDPrior, ShiftedGGDPrior
from ...attention.scores import ScaledDot, SSMax
from ...autodiff import as_tensor, gradcheck, no_grad, ops, precision
from ...nn import Embedding, FeedForward, Linear, Module, RMSNorm
from ...plots import curves
from ...worlds.near_and_far import near_and_far
from ..base import Arm, Paper, at_least, at_most, mean
from ..fitting import fitted

D, H, LENGTH, STEPS = 32, 4, 32, 600
TIMES = (1, 4, 16)

PAPER = Paper(
    number=108,
    title="Bayesian Attention Mechanism: A Probabilistic Framework for Positional Encoding and Context "
    "Length Extrapolation",
    year=2025,
    arxiv="2505.22842",
    family="positions",
    slot="positions",
    lesson="positions",
    claim="With a learned prior over distances and scalable softmax, passkeys are found at 500 times the "
    "training length, where other positions collapse, with comparable perplexity and 384 more parameters.",
    part="retrieval at 16 times the training length; perplexity is not measured.",
    note="BAM with SSMax answers nearly every question at every length on two seeds of three; on the third "
    "its near head is not finished after 600 steps (.69 as trained, .65 at 4 times the length), hence .883. "
    "Without positions far questions stay perfect at every length, and near ones hopeless.",
    choose="accuracy",
    budget_s=20,
)

# arm: (positions of the attention, what is added to the embeddings, whether scores grow with log n)
KINDS = {
    "BAM + SSMax": (lambda: [GGDPrior(H)], None, True),
    "BAM": (lambda: [GGDPrior(H)], None, False),
    "ALiBi + SSMax": (lambda: [ALiBi(H)], None, True),
    "ALiBi": (lambda: [ALiBi(H)], None, False),
    "none + SSMax": (lambda: [], None, True),
    "none": (lambda: [], None, False),
    "rotary": (lambda: [Rotary(D // H)], None, False),
    "sinusoidal": (lambda: [], Sinusoidal(D), False),
}
FIXED = [name for name in KINDS if "BAM" not in name]


class Reader(Module):
    """One pre-norm transformer block that answers a stream's last token; all arms start alike."""

    def __init__(self, kind, rng):
        positions, self.places, grows = kind
        self.key, self.value = Embedding(18, D, rng=rng), Embedding(9, D, rng=rng)
        score = SSMax(H) if grows else ScaledDot()
        slots = dict(positions=positions(), masks=[Causal()], score=score)
        self.attention = multi_head(D, H, rng=rng, **slots)
        self.block, self.answer = FeedForward(D, 2 * D, rng=rng), Linear(D, 8, rng=rng)
        self.norms = [RMSNorm(D) for _ in range(3)]

    def forward(self, inputs):
        """inputs (B, L, 2) -> logits (B, 8) of the last token; only its row of attention is computed."""
        x, last = self.key(inputs[:, :, 0]) + self.value(inputs[:, :, 1]), inputs.shape[1] - 1
        if self.places is not None:
            x = self.places.embed(x, np.arange(last + 1))
        context = self.norms[0](x)
        y = x[:, -1:] + self.attention(context[:, -1:], context, start=last)
        y = y + self.block(self.norms[1](y))
        return self.answer(self.norms[2](y))[:, 0]


def world(seed):
    """A test set for each length; the streams to train on are drawn anew at each step."""
    rng = np.random.default_rng([seed, 1])
    return {times: near_and_far(rng, 1000, length=times * LENGTH) for times in TIMES}


def arms(world):
    return {name: Arm(partial(Reader, kind), STEPS, (7e-3, 3e-3)) for name, kind in KINDS.items()}


def fit(arm, world, lr, seed, label):
    return fitted(
        arm,
        partial(near_and_far, batch=64, length=LENGTH),
        lambda model, batch: ops.cross_entropy(model(batch["inputs"]), batch["targets"]),
        lr,
        seed,
        label,
        warmup=30,
    )


def measure(model, world, arm):
    """Share of right answers to near and far questions at each length; "accuracy": both, as trained."""
    found = {}
    for times, batch in world.items():
        with no_grad():
            said = np.concatenate([model(part).numpy() for part in np.array_split(batch["inputs"], 10)])
        right, far = said.argmax(-1) == batch["targets"], batch["far"]
        found |= {f"near_{times}": right[~far].mean(), f"far_{times}": right[far].mean()}
    return {"accuracy": (found["near_1"] + found["far_1"]) / 2, **found}


def holds(seeds):
    of = partial(mean, seeds)

    def both(name):
        return (of(name, "near_16") + of(name, "far_16")) / 2

    ours = both("BAM + SSMax")
    return [
        at_least("4 times as long: near, BAM + SSMax", of("BAM + SSMax", "near_4"), 0.9),
        at_least("4 times as long: far, BAM + SSMax", of("BAM + SSMax", "far_4"), 0.9),
        at_least("16 times: mean of near and far, BAM + SSMax", ours, 0.75),
        at_least(
            "16 times: lead over the best arm without a learned prior", ours - max(map(both, FIXED)), 0.15
        ),
        at_most("near: ALiBi", of("ALiBi", "near_1"), 0.6),
        at_most("near: no positions", of("none", "near_1"), 0.4),
        at_least(
            "16 times: far, what SSMax adds to BAM", of("BAM + SSMax", "far_16") - of("BAM", "far_16"), 0.05
        ),
    ]


def weights_of(x, positions=(), score=None):
    """The weights of causal attention without projections, one head."""
    return (
        Attention(Identity(), positions=list(positions), score=score, masks=[Causal()]).trace(x).weights.data
    )


def prior(beta, s, distance, l=None):
    """The log-prior of one head with this shape, scale and location."""
    position = GGDPrior(1) if l is None else ShiftedGGDPrior(1)
    position.beta, position.s = as_tensor(beta), as_tensor(s)
    position.l = None if l is None else as_tensor(l)
    return position.prior(distance)


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-9)
    away, past = np.arange(7)[:, None] - np.arange(7), np.tri(7, dtype=bool)
    with precision(64):
        x, s = rng.normal(size=(2, 7, 5)), np.array([0.7])
        ggd = {beta: GGDPrior(1, beta=beta) for beta in (1.0, 0.0)}
        by_beta = {beta: prior(np.array([beta]), s, away).data[0] for beta in (-0.5, 0.5, 2.0)}
        silent = SSMax(1)
        silent.gain.data = np.zeros((1, 1, 1))
        alone = np.where(past, np.exp(ggd[1.0].prior(away).data[0]), 0)
        likelihood = np.exp(x @ x.swapaxes(1, 2) / 5**0.5)
        product = alone * likelihood
        q, at = as_tensor(x[:, None]), np.arange(7)
        t = Trace(None, None, q=q, k=q, q_pos=at, k_pos=at)
        counted = SSMax(1)(t).data / np.where(past, ScaledDot()(t).data, 1)
        shape, scale, place = (np.array([v]) for v in (0.6, -0.3, 0.4))
        worst = gradcheck(lambda b, s, l: prior(b, s, np.array([-3, 2, 5, 11]), l), shape, scale, place)
        same = (
            [weights_of(x, [p]) for p in (ggd[1.0], ALiBi(1))],
            [weights_of(x, p) for p in ([ggd[0.0]], [])],
        )
        posterior, unread = weights_of(x, [ggd[1.0]])[:, 0], weights_of(x, [ggd[1.0]], silent)[:, 0]
    diagonals = [[np.ptp(np.diagonal(bias, k)) for k in range(-6, 7)] for bias in by_beta.values()]
    falling = by_beta[-0.5][-1]
    return {
        "beta = 1: the weights of ALiBi": close(*same[0]),
        "beta = 0: those of no position at all": close(*same[1]),
        "beta = 2: -(distance / alpha)^2": np.allclose(by_beta[2.0], -((away * np.exp(s)) ** 2), atol=1e-3),
        "a prior depends on the distance alone": close(diagonals, 0),
        "beta < 0: it grows with the distance": (np.diff(falling) < 0).all() and falling[-1] < -100,
        "a gain of 0 leaves the prior": close(unread - alone / alone.sum(-1, keepdims=True), 0),
        "the weights are prior x likelihood / evidence": close(
            posterior, product / product.sum(-1, keepdims=True)
        ),
        "SSMax multiplies by the log of the keys seen": close(
            np.where(past, counted, 0), np.where(past, np.log(np.arange(1, 8))[:, None], 0)
        ),
        "gradients of shape, scale and location = finite differences": worst < 1e-6,
    }


def draw(figure, run):
    """The priors that the heads learned, and what each arm still answers as streams grow."""
    figure.set_size_inches(15, 4.6)
    priors, *panels = figure.subplots(1, 3)
    learned, distance = run.models["BAM + SSMax"].attention.positions[0], np.arange(1, 256)
    with no_grad():
        logs = learned.prior(distance).numpy()
    shown = {f"beta = {b:.2f}": (distance, np.exp(p - p.max())) for b, p in zip(learned.beta.data, logs)}
    curves(
        priors,
        shown,
        xlabel="distance",
        ylabel="prior / its largest value",
        title="learned priors, a head each",
    )
    priors.set_xscale("log", base=2)
    priors.set_xticks((1, 4, 16, 64, 256), (1, 4, 16, 64, 256))
    priors.set_ylim(-0.03, 1.25)
    priors.legend(loc="upper right", frameon=False, ncols=2)
    for ax, which in zip(panels, ("near", "far")):
        lengths = [times * LENGTH for times in TIMES]
        by_arm = {
            name: (lengths, [run.measured[name][f"{which}_{times}"] for times in TIMES]) for name in KINDS
        }
        curves(ax, by_arm, xlabel="tokens (trained on 32)", ylabel="accuracy", title=f"{which} questions")
        ax.set_xscale("log", base=2)
        ax.set_xticks(lengths, lengths)
        ax.set_ylim(0, 1.03)
        ax.get_legend().remove()
    panels[1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
