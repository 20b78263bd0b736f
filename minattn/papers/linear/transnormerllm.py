"""115. TransNormerLLM: a gated linear attention with a decay as a language model, against softmax.

Characters of Python's language reference, two layers. Arms: TransNormer as published but for the speed of its
decays, which are made for many layers (see `layer_rates`); the same without a decay; a softmax transformer
with rotary positions and SwiGLU; plain linear attention (elu + 1, learned positions).
"""

import math
from functools import partial

import numpy as np

from ...attention import Causal, LearnedPositions, LinearMixer, MultiHead, Rotary, multi_head
from ...attention.linear import Each, FixedDecay, Unnormalised, layer_rates, published_rates
from ...attention.mixers import SoftmaxMixer, transnormer
from ...attention.positions import LRPE
from ...autodiff import as_tensor, no_grad, ops, precision
from ...nn import SGLU, Embedding, Linear, Module, RMSNorm, SRMSNorm, SwiGLU
from ...nn.optim import AdamW
from ...plots import curves
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import real
from ..base import Arm, Paper, at_least, at_most, exactly, mean

D, H, LENGTH, LAYERS = 32, 4, 64, 2
close = partial(np.allclose, rtol=0, atol=1e-9)

PAPER = Paper(
    number=115,
    title="Scaling TransNormer to 175 Billion Parameters",
    year=2023,
    arxiv="2307.14995",
    family="linear",
    slot="linear",
    lesson="linear-attention",
    claim="A language model of linear attention with decays and gates is better and faster than softmax "
    "transformers.",
    part="on a par with softmax at 27,000 parameters, and counted costs; speed and larger models are not "
    "measured.",
    choose="-loss",
    budget_s=20,
)


def world(seed):
    text = real.load()
    characters = real.CharVocabulary(text)
    learn, held_out = (characters.encode(part) for part in real.split(text))
    test = real.batch(held_out, np.random.default_rng([seed, 1]), 200, LENGTH)
    return {"learn": learn, "size": len(characters), "test": test}


class Decoder(Module):
    """Pre-norm layers of (mixer, block) with a norm of one kind; weights start alike."""

    def __init__(self, n_tokens, layers, norm, positions=None, *, rng):
        self.embedding, self.positions = Embedding(n_tokens, D, rng=rng), positions
        self.mixers, self.blocks = zip(*layers)
        self.norms = [norm() for _ in range(2 * len(layers) + 1)]
        self.answer = Linear(D, n_tokens, rng=rng)

    def forward(self, tokens):
        """tokens (B,T) -> logits (B,T,n_tokens)."""
        x, norms = self.embedding(tokens), iter(self.norms)
        if self.positions is not None:
            x = self.positions.embed(x, np.arange(tokens.shape[1]))
        for mixer, block in zip(self.mixers, self.blocks):
            x = x + mixer(next(norms)(x))
            x = x + block(next(norms)(x))
        return self.answer(next(norms)(x))

    def loss(self, batch):
        return ops.cross_entropy(self(batch["inputs"]), batch["targets"])


def transnormer_lm(rng, size, decays=True):
    layers = []
    for layer in range(LAYERS):
        mixer = transnormer.make(D, H, rng=rng, layer=layer, n_layers=LAYERS)
        mixer.decay = mixer.decay if decays else None
        layers.append((mixer, SGLU(D, 54, rng=rng)))
    return Decoder(size, layers, SRMSNorm, rng=rng)


def usual_lm(rng, size, mixer, places=None):
    layers = [(mixer(rng), SwiGLU(D, 64, rng=rng)) for _ in range(LAYERS)]
    return Decoder(size, layers, partial(RMSNorm, D), places and places(LENGTH, D, rng=rng), rng=rng)


def softmax(rng):
    return SoftmaxMixer(multi_head(D, H, rng=rng, positions=[Rotary(D // H)], masks=[Causal()]))


def elu(rng):
    return LinearMixer(MultiHead(D, H, rng=rng))


MODELS = {
    "TransNormer": (transnormer_lm, ""),
    "softmax": (partial(usual_lm, mixer=softmax), ""),
    "elu linear": (partial(usual_lm, mixer=elu, places=LearnedPositions), "it has a table of positions"),
    "TransNormer, no decay": (partial(transnormer_lm, decays=False), ""),
}


def arms(world):
    return {
        name: Arm(partial(build, size=world["size"]), 350, (1e-2, 2e-2), because=because)
        for name, (build, because) in MODELS.items()
    }


def fit(arm, world, lr, seed, label):
    model = arm.build(np.random.default_rng(seed))
    model.history = train(
        model,
        lambda rng: real.batch(world["learn"], rng, 16, LENGTH),
        Decoder.loss,
        AdamW(model.parameters(), lr=lr),
        steps=arm.steps,
        schedule=cosine(arm.steps, warmup=20),
        clip=1.0,
        seed=seed,
        label=label,
    )
    return model.eval()


def token_cost(model, t):
    """Multiply-adds of the mixers for token number t."""
    return sum(mixer.flops(t) - mixer.flops(t - 1) for mixer in model.mixers)


def measure(model, world, arm):
    lengths = 2 ** np.arange(6, 13)
    costs = [sum(mixer.flops(int(n)) for mixer in model.mixers) for n in lengths]
    with no_grad():
        return {
            "loss": model.loss(world["test"]).item(),
            "slope": np.polyfit(np.log(lengths), np.log(costs), 1)[0],
            "growth": token_cost(model, 2048) / token_cost(model, 64),
            "state": sum(mixer.state_floats(2048) for mixer in model.mixers),
        }


def holds(seeds):
    def of(name, metric="loss"):
        return mean(seeds, name, metric)

    ours = of("TransNormer")
    return [
        at_most("loss: TransNormer - softmax", ours - of("softmax"), 0.10),
        at_least("loss: elu linear - TransNormer", of("elu linear") - ours, 0.09),
        at_least("loss: without a decay - with it", of("TransNormer, no decay") - ours, 0.10),
        at_most(
            "slope of the cost of TransNormer: distance from 1", abs(of("TransNormer", "slope") - 1), 0.05
        ),
        exactly("cost of token 2048 / of token 64, TransNormer", of("TransNormer", "growth"), 1),
        at_least("the same of softmax", of("softmax", "growth"), 10),
    ]


def overflowing(rate, steps):
    """rate^t sum_{s <= t} rate^(-s) in float32, and the same by S <- rate S + 1, in float32 and float64."""
    naive, robust, exactly_so = np.float32(0), np.float32(0), 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, steps + 1):
            naive = naive + np.float32(rate) ** np.float32(-t)
            robust, exactly_so = np.float32(rate) * robust + np.float32(1), rate * exactly_so + 1
        return np.float32(rate) ** np.float32(steps) * naive, robust, exactly_so


def exact():
    rates = np.array([layer_rates(H, layer, 3) for layer in range(3)])
    published = np.array([published_rates(H, layer, 3) for layer in range(3)])
    naive, robust, exactly_so = overflowing(0.9, 2000)
    with precision(64):
        return {
            **forms(np.random.default_rng(4)),
            **positions_and_norm(np.random.default_rng(5)),
            "lambda^-t overflows in float32 at 2000": not np.isfinite(naive),
            "lambda S + k v does not": math.isclose(robust, exactly_so, rel_tol=1e-5),
            "decays are weaker in upper layers": (np.diff(rates, axis=0) > 0).all(),
            "as published, head 0 forgets nothing": (published[:, 0] == 1).all(),
        }


def forms(rng, T=37):
    x, state, outs = as_tensor(rng.normal(size=(1, T, D))), None, []
    mixer, heads = transnormer.make(D, H, rng=rng), MultiHead(D, H, rng=rng)
    whole = mixer.parallel(x).data
    for t in range(T):
        out, state = mixer.step(x[:, t : t + 1], state)
        outs.append(out.data)
    still = LRPE(D // H)
    still.theta.data[:] = 0
    plain, one, alone = (
        LinearMixer(heads, Each(ops.silu), normaliser=Unnormalised(), **slots)
        for slots in (
            {},
            dict(decay=FixedDecay([1.0] * H), positions=[still]),
            dict(decay=FixedDecay([1e-40] * H)),
        )
    )
    own = np.concatenate([alone(x[:, t : t + 1]).data for t in range(T)], axis=1)
    return {
        "chunks = parallel": close(mixer(x).data, whole),
        "steps = parallel": close(np.concatenate(outs, axis=1), whole),
        "lambda = 1 and theta = 0: plain linear attention": close(plain(x).data, one(x).data),
        "lambda -> 0: a token sees itself": close(alone(x).data, own),
    }


def positions_and_norm(rng, T=37):
    q, k = (as_tensor(rng.normal(size=(1, 1, T, 5))) for _ in range(2))
    lrpe, at = LRPE(5), np.arange(T)
    near, far = (
        (lrpe.turn(q, places) @ ops.swapaxes(lrpe.turn(k, places), -1, -2)).data[0, 0]
        for places in (at, at + 9)
    )
    gaps = np.cos(lrpe.theta.data * (at[:, None] - at)[..., None])
    by_hand = (q.data[0, 0][:, None] * k.data[0, 0] * gaps).sum(-1)
    normed, larger = SRMSNorm(0.0)(q).data, SRMSNorm(0.0)(1000 * q.data).data
    return {
        "LRPE: q . k = sum_c q_c k_c cos(theta_c distance)": close(near, by_hand),
        "LRPE sees the distance alone": close(near, far),
        "SRMSNorm: size 1, whatever the scale, no parameters": close((normed**2).mean(-1), 1)
        and close(normed, larger)
        and SRMSNorm().n_parameters() == 0,
    }


def draw(figure, run):
    """How far each head looks, how the losses fall, what a token costs."""
    figure.set_size_inches(15, 4.4)
    decays, losses, costs = figure.subplots(1, 3)
    distances = np.arange(LENGTH)
    looks = {
        f"layer {layer}, head {h}": (distances, rate**distances)
        for layer in range(LAYERS)
        for h, rate in enumerate(layer_rates(H, layer, LAYERS))
    }
    curves(decays, looks, xlabel="distance", ylabel="decay", title="what is left of a token")
    decays.legend(fontsize=7, frameon=False, ncol=2)
    smooth, falling = np.ones(20) / 20, {}
    for name, model in run.models.items():
        label = f"{name} ({run.measured[name]['loss']:.3f})"
        falling[label] = np.convolve(model.history.losses, smooth, "valid")
    curves(losses, falling, title="training loss (in brackets: held out)")
    losses.set_ylim(top=3.2)
    lengths, names = 2 ** np.arange(4, 12), ("TransNormer", "softmax")
    lines = {name: (lengths, [token_cost(run.models[name], int(t)) for t in lengths]) for name in names}
    titles = dict(xlabel="tokens before it", ylabel="multiply-adds", title="what decoding one token costs")
    curves(costs, lines, log=True, **titles)
    costs.set_xscale("log")
