"""95. Titans: a memory that is trained while it reads must forget the old value when a key gets a new one.

24 facts over 12 keys, so that most keys are written again with another value, then six questions about the
value written last. The models are tested on 24, 48 and 96 writes. One layer, equal but for its mixer:

window        softmax over 14 tokens, so that each question sees 8 writes or more
linear        linear attention with elu + 1: every value of a key counts the same
delta         the memory with eta = alpha = 0: no momentum, nothing forgotten but what is overwritten
memory        the memory module alone
MAC MAG MAL   memory and attention in segments or a window of 8 tokens
"""

from functools import partial

import numpy as np

from ...attention import MultiHead, mixers
from ...attention.linear import unit_silu
from ...attention.memory.neural import MatrixMemory, learn
from ...attention.mixers import titans, window
from ...attention.mixers.neural_memory import NeuralMemory
from ...attention.positions import ALiBi
from ...autodiff import as_tensor, gradcheck, no_grad, ops, precision
from ...models import TinyTransformer
from ...plots import COLOURS, lines_by_group
from ...worlds import facts
from ..base import Arm, Paper, at_least, mean
from ..fitting import fitted

D, H, KEYS, VALUES, QUESTIONS = 32, 2, 12, 8, 6
WRITES = {24: 500, 48: 500, 96: 200}  # how many texts of each test set

PAPER = Paper(
    number=95,
    title="Titans: Learning to Memorize at Test Time",
    year=2025,
    arxiv="2501.00663",
    family="memory",
    slot="memory",
    lesson="memory",
    claim="A neural memory that learns at test time recalls over longer texts than transformers and modern "
    "recurrent models, and scales beyond 2 million tokens.",
    part="recall of overwritten facts at two and four times the training length; language modelling and long "
    "texts are not measured.",
    note="Momentum and forgetting bring nothing here: the memory without them, the delta rule, is as good. "
    "MAC was near chance on a tuning seed until two things were changed together: its memory learns "
    "x + attention(x), not attention(x), and what it reads passes with that as its gate.",
    choose="48 writes",
    budget_s=20,
)


def texts(rng, batch, n_writes=24):
    return facts.overwrite(rng, batch, n_writes=n_writes, n_queries=QUESTIONS, n_keys=KEYS, n_values=VALUES)


def world(seed):
    rng = np.random.default_rng([seed, 1])
    return {n: texts(rng, batch, n) for n, batch in WRITES.items()}


class Overwriting(NeuralMemory):
    """The memory without momentum and forgetting: the delta rule, with the same parameters."""

    def gates(self, x):
        theta, *others = super().gates(x)
        return [theta, *(0.0 * gate for gate in others)]


MIXERS = {
    "window": lambda rng: window.make(D, H, rng=rng, width=8 + QUESTIONS, positions=[ALiBi(H)]),
    "linear": lambda rng: mixers.load("linear")(D, H, rng=rng),
    "delta": lambda rng: Overwriting(MultiHead(D, H, rng=rng), rng=rng),
    "memory": lambda rng: NeuralMemory(MultiHead(D, H, rng=rng), rng=rng),
    "MAC": lambda rng: titans.memory_as_context(D, H, rng=rng),
    "MAG": lambda rng: titans.memory_as_gate(D, H, rng=rng),
    "MAL": lambda rng: titans.memory_as_layer(D, H, rng=rng),
}
GATES, BOTH = "three gates a token and head", "an attention and a memory, so two projections"
LARGER = dict(delta=GATES, memory=GATES, MAC=BOTH, MAG=BOTH, MAL=BOTH)


def build(name, rng):
    return TinyTransformer((KEYS, VALUES + 1), VALUES, [MIXERS[name](rng)], d_model=D, rng=rng)


def arms(world):
    return {
        name: Arm(partial(build, name), 300, (5e-3, 1e-2), "mixers", LARGER.get(name, "")) for name in MIXERS
    }


def fit(arm, world, lr, seed, label):
    return fitted(arm, partial(texts, batch=32), TinyTransformer.loss, lr, seed, label, warmup=20)


def measure(model, world, arm):
    """Right answers by the number of writes."""
    return {f"{n} writes": model.accuracy(test) for n, test in world.items()}


def holds(seeds):
    at_48 = {name: mean(seeds, name, "48 writes") for name in MIXERS}
    memory = at_48["memory"]
    return [
        at_least("48 writes: accuracy of the memory", memory, 0.75),
        at_least("48 writes: accuracy of the delta rule", at_48["delta"], 0.75),
        at_least("48 writes: accuracy, memory - linear attention", memory - at_48["linear"], 0.25),
        at_least("48 writes: accuracy, memory - window", memory - at_48["window"], 0.22),
        at_least("48 writes: accuracy of MAC", at_48["MAC"], 0.7),
        at_least("48 writes: accuracy of MAG", at_48["MAG"], 0.7),
        at_least("48 writes: accuracy of MAL", at_48["MAL"], 0.7),
    ]  # fmt: skip


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-9)
    with precision(64):
        k, q = (unit_silu(as_tensor(rng.normal(size=(2, 3, 7, 5)))) for _ in range(2))
        v, gates = as_tensor(rng.normal(size=(2, 3, 7, 4))), [as_tensor(g) for g in rng.random((3, 2, 3, 7))]
        none, half = 0.0 * gates[0], 0.0 * gates[0] + 0.5
        one, (weights, _) = learn(MatrixMemory(5, 4), None, q, k, v, gates, 1)
        unit = k.data / np.linalg.norm(k.data, axis=-1, keepdims=True)
        written, _ = ops.surprise_rule(unit, unit, v, half, none, none)
        whole, _ = learn(MatrixMemory(5, 4), None, q, k, v, [half, none, none], 7)
        linear = (np.tri(7) * (q.data @ k.data.swapaxes(-1, -2))) @ v.data
        delta = ops.delta_rule(q, k, v, 2 * gates[0])
        given = [x.data[:1, :1, :4] for x in (q, k, v, *gates)]
        worst = gradcheck(lambda *given: ops.surprise_rule(*given)[0], *given)
        deep = NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng, n_layers=2)
        x, later = rng.normal(size=(2, 9, 6)), (np.arange(9) >= 5)[:, None]
        kinds = [deep, titans.memory_as_context(6, 2, rng=rng, width=4), titans.memory_as_gate(6, 2, rng=rng)]
        moved = [np.abs(m(x).data - m(x + later).data).max(axis=(0, 2)) for m in kinds]
        (deep(x) * rng.normal(size=x.shape)).sum().backward()
    return {
        "chunks of 1 = the recurrence": close(one.data, ops.surprise_rule(q, k, v, *gates)[0].data),
        "no momentum, no forgetting: the delta rule with beta = 2 theta": close(
            ops.surprise_rule(q, k, v, gates[0], none, none)[0].data, delta.data
        ),
        "theta = 1/2 writes a value exactly": close(written.data, v.data),
        "one chunk of half steps from nothing: linear attention": close(whole.data, linear),
        "the last output is read from the last weights": close(
            one.data[:, :, -1:], (q[:, :, -1:] @ weights[0]).data
        ),
        "the derivative of the recurrence = finite differences": worst < 1e-6,
        "gradients reach keys, values, gates and first weights": all(p.grad.any() for p in deep.parameters()),
        "a later token changes no earlier output": all((m[:5] < 1e-12).all() and m[5] > 1e-6 for m in moved),
    }


def surprise(model, inputs):
    """Of one text (1,T,2): the lengths of each token's gradient and of the momentum after it, (T,) each."""
    mixer, x, state, found = model.mixers[0], model.norms[0](model.embed(inputs)), None, []
    for t in range(inputs.shape[1]):
        token = x[:, t : t + 1]
        _, k, v = mixer.projection(token, token)
        weights = mixer.memory.start(1, H, np.float32) if state is None else state[0]
        gradient = mixer.memory.gradients([as_tensor(w) for w in weights], unit_silu(k), v)[0]
        _, state = mixer.learn(token, state)
        found.append([np.linalg.norm(gradient.data), np.linalg.norm(state[1][0].data)])
    return np.array(found).T


def draw(figure, run):
    """Surprise in one text; right answers by the number of writes, and by how long ago a fact was written."""
    figure.set_size_inches(16, 4.6)
    panels, text = figure.subplots(1, 3, width_ratios=(1.3, 1, 1)), texts(np.random.default_rng(7), 1)
    keys, values = text["inputs"][0].T
    with no_grad():
        gradient, momentum = surprise(run.models["memory"], text["inputs"])
    for t, (key, value) in enumerate(zip(keys, values)):
        before = values[:t][keys[:t] == key]
        kind = 3 if value == VALUES else 0 if not len(before) else 2 if before[-1] == value else 1
        panels[0].bar(t, gradient[t], color=COLOURS[("blue", "orange", "green", "black")[kind]])
    panels[0].plot(momentum, "-", color=COLOURS["red"], linewidth=1.4)
    legend = ("blue", "new key"), ("orange", "another value"), ("green", "same value"), ("black", "question")
    for y, (colour, name) in enumerate((*legend, ("red", "momentum"))):
        panels[0].text(0.99, 0.97 - 0.055 * y, name, color=COLOURS[colour], transform=panels[0].transAxes,
                       ha="right", va="top", weight="bold", fontsize=9)  # fmt: skip
    panels[0].set(xlabel="token", ylabel="length of the gradient", title="surprise of the memory, one text")
    panels[0].set_ylim(0, 1.35 * max(gradient.max(), momentum.max()))
    by_writes = {name: {n: run.measured[name][f"{n} writes"] for n in WRITES} for name in MIXERS}
    lines_by_group(panels[1], by_writes, xlabel="writes (trained on 24)", ylabel="right answers")
    panels[1].set_title("longer texts")
    panels[1].get_legend().remove()
    lines_by_group(panels[2], _by_age(run), xlabel="writes since then", ylabel="right answers")
    panels[2].set_title("48 writes: by the age of the fact")
    panels[2].legend(loc="lower left", ncols=2, frameon=False, fontsize=8)


def _by_age(run):
    """{mixer: {range of ages: share of right answers}} for 48 writes."""
    test, ages = run.world[48], [(1, 4), (5, 8), (9, 16), (17, 48)]
    age, asked, found = 48 - test["attend"], test["asked"], {}
    for name, model in run.models.items():
        with no_grad():
            right = model(test["inputs"]).numpy().argmax(-1) == test["targets"]
        found[name] = {f"{a}-{b}": right[asked & (age >= a) & (age <= b)].mean() for a, b in ages}
    return found
