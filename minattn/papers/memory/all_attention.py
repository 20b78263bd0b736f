"""33. All-attention: persistent vectors in the attention do the work of the feed-forward block.

text     characters of twelve files of Python, lower case: bits for each of them, three layers
parity   six bits in one token, all 64 of them in one batch: is their number odd? With one token the softmax
         over the text is constant, so only a feed-forward block, or persistent vectors, can do more than sum
Rivals: attention with a feed-forward block; attention alone, wider, with as many parameters.
"""

from functools import partial

import numpy as np

from ...attention import Attention, Causal, KVCache, MultiHead, Relative, multi_head, record
from ...attention.memory import PersistentKV
from ...attention.mixers import SoftmaxMixer
from ...autodiff import no_grad, precision
from ...models import TinyTransformer
from ...nn import FeedForward
from ...nn.optim import Adam
from ...plots import COLOURS, heatmap
from ...worlds import real
from ..base import Arm, Paper, at_least, at_most, mean
from ..fitting import fitted

D, H, SLOTS, LENGTH, BITS = 32, 4, 64, 48, 6

PAPER = Paper(
    number=33,
    title="Augmenting Self-attention with Persistent Memory",
    year=2019,
    arxiv="1907.01470",
    family="memory",
    slot="memory",
    lesson="memory",
    claim="A transformer of attention layers alone, with persistent vectors in place of feed-forward blocks, "
    "models characters as well as transformers of its size that have them.",
    note="On text, all-attention needs 9 % more bits than feed-forward blocks, and more than attention "
    "alone; the row was designed on 2.4 % more, and less than attention alone. Rotary and learned absolute "
    "positions, linear biases, LayerNorm, no scaling of the vectors and no clipping did not close the gap on "
    "a tuning seed. In 300 steps the vectors take 60 to 80 % of the attention before they are of use. What "
    "the claim rests on, that they can do what only a feed-forward block could, shows in the parity of bits.",
    choose="-bits",
    budget_s=20,
)


def world(seed):
    """300,000 characters, of the 59 commonest kinds and one for the rest; windows to test on; 64 tokens."""
    texts = [text.lower() for text in real.sources()]
    kinds, counts = np.unique(list("".join(texts)), return_counts=True)
    common = "".join(kinds[np.argsort(-counts, kind="stable")[:59]])
    known = real.CharVocabulary("\0" + common)
    parts = [real.split(known.encode("".join(c if c in common else "\0" for c in text))) for text in texts]
    learned, held_out = map(np.concatenate, zip(*parts))  # the end of each file is held out
    test = windows(held_out, np.random.default_rng([seed, 1]), 150)
    bits = (np.arange(2**BITS)[:, None] >> np.arange(BITS)) & 1
    parity = dict(inputs=bits[:, None], targets=bits.sum(1)[:, None] % 2, asked=np.ones((len(bits), 1), bool))
    return dict(characters=known, learned=learned, text=test, parity=parity)


def windows(ids, rng, batch):
    drawn = real.batch(ids, rng, batch, LENGTH)
    return dict(
        inputs=drawn["inputs"][..., None], targets=drawn["targets"], asked=np.ones((batch, LENGTH), bool)
    )


class RelativeKeys(Relative):
    """The learned keys p(i - j) of the paper's score, without Relative's values."""

    def __init__(self, d_head, *, rng):
        super().__init__(d_head, 16, rng=rng)
        del self.values

    def gather(self, t):
        return None


def stack(channels, answers, layers, kind, rng):
    """A transformer without or with persistent vectors, without or with feed-forward blocks."""
    width = 44 if kind == "attention only" else D

    def mixer():
        memory = PersistentKV(SLOTS, H, width // H, rng=rng) if kind == "all-attention" else None
        heads, positions = MultiHead(width, H, rng=rng), [RelativeKeys(width // H, rng=rng)]
        return SoftmaxMixer(Attention(heads, positions=positions, masks=[Causal()], memory=memory))

    mixers, d_ff = [mixer() for _ in range(layers)], SLOTS if kind == "feed-forward" else 0
    return TinyTransformer(channels, answers, mixers, d_model=width, d_ff=d_ff, rng=rng)


def arms(world):
    n = len(world["characters"])
    tasks = {"text": ((n,), n, 3, 300, (1.2e-2, 2.4e-2)), "parity": ((2,) * BITS, 2, 2, 300, (3e-3,))}
    narrower = {"attention only, parity": "four heads divide no width that comes nearer; it is 4 % smaller"}
    return {
        f"{kind}, {task}": Arm(
            partial(stack, channels, answers, layers, kind),
            steps,
            rates,
            task,
            narrower.get(f"{kind}, {task}", ""),
        )
        for task, (channels, answers, layers, steps, rates) in tasks.items()
        for kind in ("feed-forward", "all-attention", "attention only")
    }


def fit(arm, world, lr, seed, label):
    draw = {"text": lambda rng: windows(world["learned"], rng, 24), "parity": lambda rng: world["parity"]}
    return fitted(
        arm, draw[arm.group], TinyTransformer.loss, lr, seed, label, warmup=arm.steps // 20, optimiser=Adam
    )


def measure(model, world, arm):
    """Bits for each character, and each layer's share of attention on persistent vectors; or accuracy."""
    if arm.group == "parity":
        return {"accuracy": model.accuracy(world["parity"])}
    with no_grad():
        found = {"bits": model.loss(world["text"]).item() / np.log(2)}
    return found | {f"on slots {i + 1}": mass for i, mass in enumerate(shares(model, world["text"]))}


def shares(model, batch):
    """The mean weight on persistent vectors, one number a layer; nothing where there are none."""
    with no_grad(), record(model) as traces:
        model(batch["inputs"][:20])
    return [t.weights.data[..., : len(t.front)].sum(-1).mean() for t in traces.values() if t.front]


def holds(seeds):
    bits = {
        kind: mean(seeds, f"{kind}, text", "bits")
        for kind in ("feed-forward", "all-attention", "attention only")
    }
    right = {kind: mean(seeds, f"{kind}, parity", "accuracy") for kind in bits}
    return [
        at_most(
            "text: bits, all-attention / feed-forward", bits["all-attention"] / bits["feed-forward"], 1.05
        ),
        at_most(
            "text: bits, all-attention - attention only", bits["all-attention"] - bits["attention only"], 0
        ),
        at_least("parity: accuracy of feed-forward", right["feed-forward"], 0.9),
        at_least("parity: accuracy of all-attention", right["all-attention"], 0.9),
        at_most("parity: accuracy of attention only", right["attention only"], 0.75),
    ]


def exact():
    rng, close = np.random.default_rng(5), partial(np.allclose, rtol=0, atol=1e-9)
    with precision(64):
        plain = multi_head(12, 2, rng=rng, positions=[RelativeKeys(6, rng=rng)], masks=[Causal()])

        def beside(n_slots):
            memory = PersistentKV(n_slots, 2, 6, rng=rng)
            return Attention(plain.projection, positions=plain.positions, masks=plain.masks, memory=memory)

        attention, x = beside(5), rng.normal(size=(2, 7, 12))
        t, out = attention.trace(x), attention(x).data
        moved = np.abs(attention(x + (np.arange(7) == 4)[:, None]).data - out).max(axis=(0, 2))
        with no_grad():
            cache = KVCache()
            steps = [attention(x[:, i : i + 1], cache=cache).data for i in range(7)]
        order, memory = rng.permutation(5), attention.memory
        for part in (memory.keys, memory.values):
            part.data = part.data[:, order]
        permuted = attention(x).data
        memory.keys.data = memory.keys.data[:, :, :] * 0 - 1e6 * t.q.data.mean((0, 2))[:, None]
        front = attention.trace(x).weights.data[..., :5]
        unseen = front.sum(-1) == 0  # queries whose scores of all slots are hugely negative
        same = np.isclose(attention.trace(x).heads.data, plain.trace(x).heads.data, atol=1e-9).all(-1)
        block = FeedForward(12, 5, rng=rng)
    return {
        "no slots are plain attention": close(beside(0)(x).data, plain(x).data),
        "slots with a score of -inf change nothing": bool(unseen.any() and same[unseen].all()),
        "parameters = 2 N D = those of a feed-forward block without biases": memory.n_parameters()
        == 2 * 5 * 12
        == block.w_1.weight.size + block.w_2.weight.size,
        "the weights on text and slots sum to 1": t.weights.shape[-1] == 5 + 7
        and close(t.weights.data.sum(-1), 1),
        "the order of the slots does not matter": close(permuted, out),
        "a later token changes no earlier row": not moved[:4].any() and (moved[4:] > 1e-3).all(),
        "decoding with a cache equals the whole text": close(np.concatenate(steps, axis=1), out),
        "and caches no slot": cache.floats() == 2 * x.size,
    }


def draw(figure, run):
    """How much of the attention goes to slots, and which slots fire for which characters."""
    figure.set_size_inches(14, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    model, batch = run.models["all-attention, text"], run.world["text"]
    masses = shares(model, batch)
    places = np.arange(1, len(masses) + 1)
    bits = {kind: run.measured[f"{kind}, text"]["bits"] for kind in ("feed-forward", "all-attention")}
    left.stackplot(places, masses, 1 - np.array(masses), colors=(COLOURS["orange"], COLOURS["sky"]))
    left.text(places.mean(), masses[1] / 2, "persistent vectors", ha="center", va="center")
    left.text(places.mean(), (1 + masses[1]) / 2, "text", ha="center", va="center")
    left.set_title(", ".join(f"{kind} {value:.2f}" for kind, value in bits.items()) + " bits")
    left.set(
        xlabel="layer", ylabel="share of the attention", xlim=(1, len(masses)), ylim=(0, 1), xticks=places
    )
    with no_grad(), record(model) as traces:
        model(batch["inputs"])
    last = list(traces.values())[-1].weights.data[..., :SLOTS].mean(1)  # (B,T,N), the mean over heads
    ids = batch["inputs"][..., 0]
    shown = np.bincount(ids.ravel()).argsort()[::-1][:16]
    fire = np.stack([last[ids == i].mean(0) for i in shown]) / last.mean((0, 1))
    order = np.argsort(fire.argmax(0), kind="stable")
    names = [repr(run.world["characters"].decode([i]))[1:-1].replace(" ", "space") for i in shown]
    title = "last layer: how much more a slot fires after this character"
    heatmap(
        right,
        np.log2(fire[:, order]),
        rows=names,
        title=title,
        label="log2 of the factor",
        names=("", "slot"),
    )
