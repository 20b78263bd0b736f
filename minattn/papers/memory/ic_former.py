"""46. IC-Former: a few learned vectors look at a context once, and a frozen model reads them in its place.

Six facts among 42 fillers, 48 tokens, become 12 vectors; then come six questions. A small language model is
trained first, then frozen. The rival compresses as ICAE does: the frozen model itself, with low-rank updates
of its queries, keys and values, reads the context and 12 memory tokens, at a cost that grows with n^2. The
frozen model is also measured with the whole context, with its last 12 tokens and with none.
"""

import math
import time
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from ...attention import Attention, Causal, MultiHead, Rotary, record
from ...attention.mixers import SoftmaxMixer
from ...autodiff import as_tensor, no_grad, ops, precision
from ...models import DigestCompressor, OwnLayersCompressor, TinyTransformer
from ...nn import Module
from ...nn.optim import AdamW
from ...plots import COLOURS, heatmap
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import facts
from ..base import Arm, Paper, at_least, at_most, mean

D, H, N, K = 32, 4, 48, 12
FACTS, KEYS, VALUES, FILLERS = 6, 16, 16, 8
LENGTHS = (48, 192, 768, 3072)

PAPER = Paper(
    number=46,
    title="In-Context Former: Lightning-fast Compressing Context for Large Language Model",
    year=2024,
    arxiv="2406.13618",
    family="memory",
    slot="memory",
    lesson="memory",
    claim="A context is compressed with 1/32 of the baseline's multiply-adds and 68 to 112 times faster, and "
    "the frozen model keeps over 90 % of the performance that it has with the baseline.",
    note="Multiply-adds are counted; times are reported and not claimed. Trained on questions alone, without "
    "the paper's pre-training to restore the context. The baseline's accuracy varies much from seed to seed: "
    "with more steps it may catch up.",
    choose="accuracy",
    budget_s=20,
)


def texts(rng, batch, n=N):
    """n tokens with six facts among them, then six questions."""
    sizes = dict(n_facts=FACTS, n_keys=KEYS, n_values=VALUES, n_fillers=FILLERS)
    return facts.mqar(rng, batch, length=n + FACTS, **sizes)


def language_model(rng):
    """Two layers, causal, rotary positions."""

    def mixer():
        heads = MultiHead(D, H, rng=rng)
        return SoftmaxMixer(Attention(heads, positions=[Rotary(D // H)], masks=[Causal()]))

    return TinyTransformer((KEYS + FILLERS, VALUES + 1), VALUES, [mixer(), mixer()], d_model=D, rng=rng)


@dataclass
class World:
    """A test set, and the frozen model, which is trained when somebody asks for it."""

    seed: int
    test: dict = field(init=False)

    def __post_init__(self):
        self.test = texts(np.random.default_rng([self.seed, 1]), 500)

    @cached_property
    def frozen(self):
        """Trained on contexts without a random share of their fillers, so that it can read terse prompts."""
        model = language_model(np.random.default_rng(self.seed))

        def batch(rng):
            return texts(rng, 16, n=int(rng.integers(FACTS, N + 1)))

        fitted(model, batch, TinyTransformer.loss, 400, 3e-3, self.seed, "ic-former: the model to freeze")
        for parameter in model.parameters():
            parameter.requires_grad = False
        return model


def world(seed):
    return World(seed)


def fitted(model, batch, loss, steps, lr, seed, label):
    optimiser = AdamW(model.parameters(), lr=lr, decay=0)
    schedule = cosine(steps, warmup=steps // 20)
    train(model, batch, loss, optimiser, steps=steps, schedule=schedule, clip=1.0, seed=seed, label=label)
    return model.eval()


class Compressor(Module):
    """One layer of digests, called as its rival is: (context, the frozen model) -> prompt."""

    def __init__(self, rng):
        self.digest = DigestCompressor(D, H, n_digests=K, d_ff=64, rng=rng)

    def forward(self, context, frozen):
        return self.digest(context)

    def flops(self, n):
        return self.digest.flops(n)


class OwnLayers(OwnLayersCompressor):
    """The rival: the two layers of the frozen model with updates of rank 16."""

    def __init__(self, rng):
        super().__init__(D, 2, n_memory=K, rank=16, rng=rng)

    def flops(self, n):
        return super().flops(n, 2 * D)


def arms(world):
    rates = (3e-3, 1e-2, 2e-2)
    why = "as the paper's baseline: updates of rank 16 to the layers of the frozen model, and memory tokens"
    return {
        "IC-Former": Arm(Compressor, 600, rates, "compressors"),
        "own layers": Arm(OwnLayers, 600, rates, "compressors", why),
        "frozen model": Arm(language_model, 400, (3e-3,), "read"),
    }


def answers(frozen, prompt, inputs):
    """Logits (B,6,VALUES) of the questions, the last tokens of inputs, behind a prompt (B,P,D)."""
    questions = frozen.embed(inputs[:, -FACTS:])
    return frozen.read(ops.concatenate([prompt, questions], axis=1))[:, -FACTS:]


def fit(arm, world, lr, seed, label):
    frozen = world.frozen
    if arm.group == "read":
        return frozen

    def loss(model, batch):
        prompt = model(frozen.embed(batch["inputs"][:, :N]), frozen)
        return ops.cross_entropy(answers(frozen, prompt, batch["inputs"]), batch["targets"][:, -FACTS:])

    model = arm.build(np.random.default_rng(seed))
    return fitted(model, partial(texts, batch=16), loss, arm.steps, lr, seed, label)


def right(frozen, prompt, test):
    said = answers(frozen, prompt, test["inputs"]).numpy().argmax(-1)
    return np.mean(said == test["targets"][:, -FACTS:])


def measure(model, world, arm):
    frozen, test = world.frozen, world.test
    with no_grad():
        context = frozen.embed(test["inputs"][:, :N])
        if arm.group == "read":
            prompts = dict(accuracy=context, last=context[:, -K:], none=context[:, :0])
            return {name: right(frozen, prompt, test) for name, prompt in prompts.items()}
        found = {"accuracy": right(frozen, model(context, frozen), test)}
        found |= {f"flops {n}": model.flops(n) for n in LENGTHS}
        return found | {f"ms {n}": milliseconds(model, frozen, n) for n in LENGTHS[:3]}


def milliseconds(model, frozen, n):
    """The shortest of five times to compress one context of n tokens."""
    context, times = as_tensor(np.zeros((1, n, D), dtype=np.float32)), []
    for _ in range(5):
        start = time.perf_counter()
        model(context, frozen)
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def holds(seeds):
    ours, rival, frozen = (partial(mean, seeds, name) for name in ("IC-Former", "own layers", "frozen model"))
    slope = math.log(ours("flops 3072") / ours("flops 768")) / math.log(4)
    return [
        at_least("accuracy, IC-Former / own layers", ours("accuracy") / rival("accuracy"), 0.9),
        at_least("accuracy, IC-Former / the whole context", ours("accuracy") / frozen("accuracy"), 0.9),
        at_most("accuracy without the context", frozen("none"), 0.2),
        at_most("accuracy with its last 12 tokens", frozen("last"), 0.6),
        at_most("multiply-adds for 768 tokens, IC-Former / own layers",
                ours("flops 768") / rival("flops 768"), 1 / 8),
        at_least("multiply-adds of IC-Former from 768 to 3072 tokens: power of n", slope, 0.95),
        at_most("the same power", slope, 1.0),
    ]  # fmt: skip


def exact():
    rng, close = np.random.default_rng(5), partial(np.allclose, rtol=0, atol=1e-10)
    with precision(64):
        compress, context = DigestCompressor(8, 2, n_digests=3, d_ff=11, rng=rng), rng.normal(size=(2, 7, 8))
        whole = compress(context).data
        with no_grad(), record(compress) as traces:
            compress(context)
        t = traces["layers.0.attention"]
        moved = [np.abs(compress(context + at[:, None]).data - whole).max(axis=(0, 2)) for at in np.eye(7)]
        layer, x = compress.layers[0], as_tensor(rng.normal(size=(2, 3, 8)))
        source = rng.normal(size=(2, 10, 8))
        other = source + (np.arange(10) == 8)[:, None]  # the second digest's row
        change = np.abs(layer(x, as_tensor(other)).data - layer(x, as_tensor(source)).data).max(axis=(0, 2))
    frozen, compressor = language_model(rng), Compressor(rng)
    for parameter in frozen.parameters():
        parameter.requires_grad = False
    batch = texts(rng, 2)
    prompt = compressor(frozen.embed(batch["inputs"][:, :N]), frozen)
    ops.cross_entropy(answers(frozen, prompt, batch["inputs"]), batch["targets"][:, -FACTS:]).backward()
    return {
        "every digest sees every token of the context": bool((np.array(moved) > 1e-6).all()),
        "a digest changes none before it": (change[0] == 0).all() and bool((change[1:] > 1e-6).all()),
        "digests ask from the places behind the context": close(t.q_pos, [7, 8, 9]),
        "k vectors for any n": compress(context[:, :1]).shape == compress(context).shape == (2, 3, 8),
        "multiply-adds are affine in n": not np.diff([compress.flops(n) for n in range(9)], 2).any(),
        "the frozen model gets no gradient": all(p.grad is None for p in frozen.parameters()),
        "every parameter of the compressor gets one": all(p.grad.any() for p in compressor.parameters()),
    }


def draw(figure, run):
    """Where the digests of one test context look; accuracy against cost; cost and time against length."""
    figure.set_size_inches(16, 4.6)
    panels, measured = figure.subplots(1, 3, width_ratios=(1.7, 1, 1)), run.measured
    inputs = run.world.test["inputs"][:1, :N]
    with no_grad(), record(run.models["IC-Former"]) as traces:
        run.models["IC-Former"](run.world.frozen.embed(inputs), run.world.frozen)
    weights = traces["digest.layers.0.attention"].weights.numpy()[0].max(axis=0)[:, :N]
    title, names = "largest weight of the four heads; v: facts", ("digest", "token of the context")
    heatmap(panels[0], weights, title=title, names=names, label="attention weight", limits=(0, 1))
    here = np.flatnonzero(inputs[0, :, 1] < VALUES)
    panels[0].plot(here, np.full(len(here), -0.9), "v", color="black", clip_on=False)
    _accuracy(panels[1], measured)
    for name, colour in (("own layers", "blue"), ("IC-Former", "orange")):
        y = [measured[name][f"flops {n}"] for n in LENGTHS]
        panels[2].loglog(LENGTHS, y, "o-", color=COLOURS[colour], label=name)
        for n, value in zip(LENGTHS[:3], y):
            panels[2].annotate(f"{measured[name][f'ms {n}']:.1f} ms", (n, value), fontsize=8, xytext=(4, -10),
                               textcoords="offset points")  # fmt: skip
    panels[2].set(xlabel="tokens of the context", ylabel="multiply-adds", title="cost, and time")
    panels[2].legend(frameon=False)


def _accuracy(ax, measured):
    frozen = measured["frozen model"]
    heights = {
        "whole\ncontext": frozen["accuracy"],
        "IC-\nFormer": measured["IC-Former"]["accuracy"],
        "own\nlayers": measured["own layers"]["accuracy"],
        "last 12\ntokens": frozen["last"],
        "nothing": frozen["none"],
    }
    colours = [COLOURS[name] for name in ("black", "orange", "blue", "sky", "pink")]
    drawn = ax.bar(list(heights), list(heights.values()), color=colours)
    ax.bar_label(drawn, fmt="{:.2f}", fontsize=9)
    ax.set(ylim=(0, 1.1), ylabel="right answers", title="what the frozen model reads before the questions")
