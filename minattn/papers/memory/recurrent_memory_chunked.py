"""109. Recurrent memory with chunked attention: a short queue of summaries carries facts across segments.

stream   12 segments of 12 tokens; each tells one fact (subject and value) among noise and ends with two
         questions about the facts of 0 .. 7 segments ago, evenly. The bank has 4 slots, so that what was told
         more than 4 segments ago is gone.
Rivals: the same block without a memory; with the last 4 raw tokens, which are as many numbers as the bank;
with summaries that are plain means. What a memory has no parameters for is added to the feed-forward width.
"""

from functools import partial

import numpy as np

from ...attention import Causal, Trace, masks
from ...attention.memory import FIFOMemory, TokenCache
from ...attention.mixers.recurrent_memory import RecurrentMemory
from ...autodiff import as_tensor, no_grad, ops, precision
from ...models import TinyTransformer
from ...nn.optim import Adam
from ...plots import COLOURS, curves, heatmap
from ...worlds import stream
from ..base import Arm, Paper, at_least, at_most, exactly, mean
from ..fitting import fitted

D, H, LENGTH, CHUNK, SLOTS, STEPS = 32, 2, 12, 6, 4, 300
LAGS = range(8)

PAPER = Paper(
    number=109,
    title="Recurrent Memory-Augmented Transformers with Chunked Attention for Long-Context Language Modeling",
    year=2025,
    arxiv="2507.00453",
    family="memory",
    slot="memory",
    lesson="memory",
    claim="Attention inside a segment and its chunks, with a gated first-in-first-out memory of earlier "
    "segments, unifies short and long range without quadratic growth.",
    part="recall across segments with a memory of a fixed size; language modelling is not measured.",
    note="Pooling, gate and the sum of the paths are reconstructions. The sum does no harm to questions on "
    "the own segment. That the gate helps is not claimed: when the row was designed, a bank without one did "
    "a little better.",
    choose="reached",
    budget_s=20,
)

MEMORIES = {
    "gated FIFO": lambda rng: FIFOMemory(D, SLOTS, rng=rng),
    "gated FIFO of means": lambda rng: FIFOMemory(D, SLOTS, rng=rng, summary="mean"),
    "4 raw tokens": lambda rng: TokenCache(D, SLOTS),
    "no memory": lambda rng: TokenCache(D, 0),
}


def world(seed):
    """A fixed test set; the streams to train on are drawn anew at each step."""
    return stream.segments(np.random.default_rng([seed, 1]), 300)


def reader(name, rng):
    memory = MEMORIES[name](rng)
    mixer = RecurrentMemory(D, H, memory, segment=LENGTH, chunk=CHUNK, rng=rng)
    d_ff = 64 if isinstance(memory, FIFOMemory) else 112
    return TinyTransformer((32, 9), 8, [mixer], d_model=D, d_ff=d_ff, rng=rng)


def arms(world):
    return {name: Arm(partial(reader, name), STEPS, (1e-2,)) for name in MEMORIES}


def fit(arm, world, lr, seed, label):
    return fitted(
        arm,
        partial(stream.segments, batch=32),
        TinyTransformer.loss,
        lr,
        seed,
        label,
        warmup=15,
        optimiser=Adam,
    )


def measure(model, world, arm):
    """Accuracy by lag: `reached` at lags 1 .. m, `gone` at lags from m + 2 on; numbers carried at the end."""
    with no_grad():
        right = model(world["inputs"]).data.argmax(-1) == world["targets"]
    by_lag = [right[world["lag"] == lag].mean() for lag in LAGS]
    sizes = {model.mixers[0].memory.floats(), *carried(model, world)}
    found = {f"lag {lag}": value for lag, value in enumerate(by_lag)}
    means = {"reached": np.mean(by_lag[1 : SLOTS + 1]), "gone": np.mean(by_lag[SLOTS + 2 :])}
    return found | means | {"floats": max(sizes)}


def carried(model, world):
    """How many numbers the mixer's memory holds after each segment of one stream, once it is full."""
    memory, bank = model.mixers[0].memory, None
    h = as_tensor(np.zeros((1, LENGTH, D), np.float32))
    with no_grad():
        for segment in range(12):
            bank = memory.write(bank, h)
            if segment >= SLOTS:
                yield bank.size


def holds(seeds):
    reached = {name: mean(seeds, name, "reached") for name in MEMORIES}
    gated = reached["gated FIFO"]
    return [
        at_least("lags 1-4: accuracy of the gated FIFO", gated, 0.85),
        at_least("lags 1-4: lead over no memory", gated - reached["no memory"], 0.4),
        at_least("lags 1-4: lead over 4 raw tokens", gated - reached["4 raw tokens"], 0.4),
        at_most("lags 6-7: accuracy of the gated FIFO", mean(seeds, "gated FIFO", "gone"), 0.125 + 0.15),
        at_least("lags 1-4: lead of pooling over means", gated - reached["gated FIFO of means"], 0.25),
        exactly("numbers held, most over the stream", mean(seeds, "gated FIFO", "floats"), SLOTS * D),
    ]


def exact():
    rng, close = np.random.default_rng(5), partial(np.allclose, rtol=0, atol=1e-9)
    places = Trace(None, None, q_pos=np.arange(12), k_pos=np.arange(12))
    causal = Causal()(places)
    with precision(64):
        memory = FIFOMemory(4, 3, rng=rng)
        h = as_tensor(rng.normal(size=(2, 7, 5, 4)))
        memory.update.weight.data, memory.pool.data = 1e-4 * np.eye(4), rng.normal(size=(4, 1))
        memory.gate_new.weight.data[:], memory.gate_last.data[:], memory.gate_new.bias.data[:] = 0, 0, 50
        opened, u = memory.slots(h).data, memory.summarise(h).data
        bank = None
        for i in range(7):
            bank = memory.write(bank, h[:, i])
        memory.gate_new.bias.data[:] = -800
        shut = memory.slots(h, last=as_tensor(rng.normal(size=(2, 1, 4)))).data
        mixer = RecurrentMemory(8, 2, FIFOMemory(8, 3, rng=rng), segment=4, chunk=2, rng=rng)
        mixer.memory.pool.data = rng.normal(size=(8, 1))
        x = as_tensor(rng.normal(size=(2, 26, 8)))
        whole, state, steps = mixer(x).data, None, []
        for i in range(26):
            out, state = mixer.step(x[:, i : i + 1], state)
            steps.append(out.data)
        moved = np.abs(mixer(x + (np.arange(26) == 9)[:, None]).data - whole).max(axis=(0, 2))
        empty = mixer.recall(x[:, :4], as_tensor(np.zeros((2, 0, 8)))).data
    return {
        "open gate, no tanh to speak of: the bank is the last m summaries": close(
            bank.data, 1e-4 * u[:, -3:]
        ),
        "written one by one = all at once": close(bank.data, opened[:, -3:]),
        "shut gate: the slot before, again and again": close(shut, shut[:, :1]),
        "an empty bank adds exactly 0": not empty.any(),
        "chunks: causal blocks on the diagonal": np.array_equal(
            causal & masks.Chunk(4)(places), np.kron(np.eye(3), np.tri(4)).astype(bool)
        ),
        "one chunk is the whole text, chunks of 1 are the token itself": masks.Chunk(12)(places).all()
        and np.array_equal(causal & masks.Chunk(1)(places), np.eye(12, dtype=bool)),
        "token by token = all segments at once": close(np.concatenate(steps, axis=1), whole),
        "a later token changes no earlier output": not moved[:9].any() and moved[9:].all(),
        "the state does not grow": mixer.state_floats(26) == mixer.state_floats(10**6) == 4 * 8 + 3 * 8,
    }


def draw(figure, run):
    """Accuracy by lag, which slot answers which lag, and the gate over one stream."""
    figure.set_size_inches(15, 4.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))
    lines = {name: (list(LAGS), [m[f"lag {lag}"] for lag in LAGS]) for name, m in run.measured.items()}
    curves(
        left,
        lines,
        xlabel="asked about the fact of so many segments ago",
        ylabel="accuracy",
        rulers={"chance": 1 / 8},
    )
    left.axvline(SLOTS + 0.5, color=COLOURS["black"], linewidth=0.8)
    left.set(title=f"{SLOTS} slots: a cliff behind lag {SLOTS}", ylim=(0, 1.05))
    batch = run.world
    weights, gates = inside(run.models["gated FIFO"], batch)
    back = np.full((len(LAGS), SLOTS), np.nan)
    late = np.arange(batch["lag"].shape[1]) >= 8 * LENGTH
    for lag in LAGS:
        rows, places = np.nonzero((batch["lag"] == lag) & late)
        for slot in range(SLOTS):
            back[lag, slot] = weights[rows, places, places // LENGTH - 1 - slot].mean()
    names = ("lag of the question", "slot of so many segments ago")
    title = "memory path: where a question looks"
    heatmap(
        middle, back, columns=range(1, SLOTS + 1), names=names, title=title, limits=(0, 1), label="weight"
    )
    heatmap(
        right,
        gates,
        names=("coordinate of the slot", "segment"),
        title="gate: 1 = all new",
        limits=(0, 1),
        label="g",
    )


def inside(model, batch):
    """(weights (B,T,n) of the memory path, mean over heads; gates (D,n) of the first stream)."""
    mixer = model.mixers[0]
    with no_grad():
        x = model.norms[0](model.embed(batch["inputs"]))
        h = x.reshape(len(x.data), -1, LENGTH, D)
        slots, n = mixer.memory.slots(h), h.shape[1]
        q, k = (
            w(a).data.reshape(len(a.data), -1, H, D // H) for w, a in ((mixer.w_qm, x), (mixer.w_km, slots))
        )
        scores = np.einsum("bthd,bnhd->bhtn", q, k) / (D // H) ** 0.5
        weights = ops.softmax(scores, np.repeat(mixer.memory.visible(n), LENGTH, axis=0)).data.mean(1)
        before = np.concatenate([0 * slots.data[:, :1], slots.data[:, :-1]], axis=1)
        u = mixer.memory.summarise(h)
        gates = ops.sigmoid(mixer.memory.gate_new(u) + ops.linear(before, mixer.memory.gate_last)).data[0].T
    return weights, gates
