"""67. Fewer maps: two linear maps with nothing between them are one.

    standard    W_q W_k W_v W_o     4 D^2 numbers
    Optimised   W_q W_k     W_o     3 D^2              W_v is merged into W_o
    Efficient   W_q         W_o     2 D^2              and W_k into W_q
    Super       W_q         W_o W_A 2 D^2 + L^2        W_A mixes the values of L places first

digits   pictures of 8 rows of pixels, each row a token
text     is the opinion of a sentence good or bad, where a negation right before its adjective turns it round
"""

from functools import partial

import numpy as np

from ...attention import Attention, Causal, LearnedPositions, MultiHead
from ...attention.projections import CausalSuper, Efficient, Optimised, Super
from ...autodiff import no_grad, ops, precision
from ...nn import Embedding, FeedForward, LayerNorm, Linear, Module
from ...nn.optim import AdamW
from ...plots import COLOURS, heatmap
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import digits, sentiment
from ..base import Arm, Paper, at_least, exactly, mean

D, STEPS = 32, 400
RATES = {"digits": (3e-3,), "text": (1e-2,)}  # for all arms; on text none has learned much by then with 3e-3
LENGTHS = {"digits": 8, "text": sentiment.LONGEST}

PAPER = Paper(
    number=67,
    title="You Need to Pay Better Attention: Rethinking the Mathematics of Attention Mechanism",
    year=2024,
    arxiv="2403.01643",
    family="heads",
    slot="projections",
    lesson="heads",
    claim="Optimised attention performs like standard attention with 3/4 of the parameters, Efficient with "
    "half and up to twice as fast, and Super attention surpasses the standard in vision and language.",
    part="accuracy and parameters; speed is not measured.",
    note="On digits Super is level with standard attention (4 heads: .975 and .977, 1 head: .951 and .942). "
    "On text one head of it beats 4 standard heads: W_A can mix a negation into values beside it. All arms "
    "of a task have one rate; that for text was chosen on a tuning seed. There single heads vary much with "
    "the seed (Efficient: .68 to .95).",
    choose="accuracy",
    budget_s=20,
)

# arm: (heads, how its projection is made for a task)
KINDS = {
    "standard, 4 heads": (4, lambda task: MultiHead),
    "standard, 1 head": (1, lambda task: MultiHead),
    "Optimised, 4 heads": (4, lambda task: Optimised),
    "Efficient, 1 head": (1, lambda task: Efficient),
    "Efficient, 4 heads": (4, lambda task: Efficient),
    "Super, 1 head": (1, lambda task: partial(Super, max_len=LENGTHS[task])),
    "Super, 4 heads": (4, lambda task: partial(Super, max_len=LENGTHS[task])),
}


class Reader(Module):
    """One pre-norm encoder block and the mean over its tokens; all but the attention starts alike."""

    def __init__(self, task, kind, rng):
        heads, make = KINDS[kind]
        own, length = rng.spawn(1)[0], LENGTHS[task]
        embed = partial(Linear, 8) if task == "digits" else partial(Embedding, len(sentiment.VOCABULARY))
        self.embed = embed(D, rng=rng)
        self.places = LearnedPositions(length, D, rng=rng)
        self.attention = Attention(make(task)(D, heads, rng=own, bias=False))
        self.block, self.answer = FeedForward(D, 2 * D, rng=rng), Linear(D, 10, rng=rng)
        self.norms = [LayerNorm(D) for _ in range(3)]

    def forward(self, inputs):
        """inputs (B, L) words or (B, L, 8) pixels -> logits (B, 10); padding is read like any word."""
        x = self.places.embed(self.embed(inputs), np.arange(inputs.shape[1]))
        x = x + self.attention(self.norms[0](x))
        x = x + self.block(self.norms[1](x))
        return self.answer(ops.mean(self.norms[2](x), axis=1))


def world(seed):
    """{task: (inputs and labels to train on, those of the test)}."""
    pictures = [(part["rows"].astype(np.float32), part["labels"]) for part in digits.split(seed)]
    sentences, _, test = sentiment.corpus(seed, 1500, 0, 500, n_opinions=8, p_decoy=0.0)
    return {"digits": pictures, "text": [(part["inputs"], part["labels"]) for part in (sentences, test)]}


def arms(world):
    why = "the number of parameters is what is compared"
    return {
        f"{kind}, {task}": Arm(
            partial(Reader, task, kind),
            STEPS,
            RATES[task],
            task,
            "" if "standard" in kind else why,
            dict(task=task),
            len(world[task][0][1]),
        )
        for task in world
        for kind in KINDS
    }


def fit(arm, world, lr, seed, label):
    model, (inputs, labels) = arm.build(np.random.default_rng(seed)), world[arm.settings["task"]][0]

    def batch(rng):
        rows = rng.integers(len(labels), size=64)
        return dict(inputs=inputs[rows], labels=labels[rows])

    train(
        model,
        batch,
        lambda model, batch: ops.cross_entropy(model(batch["inputs"]), batch["labels"]),
        AdamW(model.parameters(), lr=lr),
        steps=arm.steps,
        schedule=cosine(arm.steps, warmup=20),
        clip=1.0,
        seed=seed,
        label=label,
    )
    return model.eval()


def measure(model, world, arm):
    """Share of right answers on the test set, and the parameters of the attention."""
    inputs, labels = world[arm.settings["task"]][1]
    with no_grad():
        right = model(inputs).numpy().argmax(-1) == labels
    return {"accuracy": right.mean(), "size": model.attention.n_parameters()}


def holds(seeds):
    def of(kind, heads, task, metric="accuracy"):
        return mean(seeds, f"{kind}, {heads} head{'s' * (heads > 1)}, {task}", metric)

    def lead(task, kind, rival, bound):
        """Accuracy of a kind with so many heads, above that of a rival."""
        name = f"{task}: {kind[0]} x {kind[1]} - {rival[0]} x {rival[1]}"
        return at_least(name, of(*kind, task) - of(*rival, task), bound)

    def size(kind, heads):
        return of(kind, heads, "text", "size") / of("standard", heads, "text", "size")

    four, one = ("standard", 4), ("standard", 1)
    return [
        *(lead(task, ("Optimised", 4), four, -0.02) for task in LENGTHS),
        *(lead(task, ("Efficient", 1), one, -0.03) for task in LENGTHS),
        lead("digits", ("Efficient", 4), four, -0.02),
        lead("digits", ("Super", 1), one, -0.02),
        lead("text", ("Super", 1), ("Efficient", 1), 0.03),
        lead("text", ("Super", 1), four, 0.015),
        exactly("parameters: Optimised / standard", size("Optimised", 4), 0.75),
        exactly("parameters: Efficient / standard", size("Efficient", 1), 0.5),
        exactly("parameters: Super / standard, L = 16", size("Super", 1), 0.5 + 16 * 16 / (4 * D * D)),
    ]


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-9)
    with precision(64):
        x, context = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 7, 6))
        standard, efficient = (kind(6, 1, rng=rng, bias=False) for kind in (MultiHead, Efficient))
        w = {name: getattr(standard, name).weight.data for name in ("w_q", "w_k", "w_v", "w_o")}
        efficient.w_q.weight.data, efficient.w_o.weight.data = w["w_k"].T @ w["w_q"], w["w_o"] @ w["w_v"]
        plain, fewer = MultiHead(6, 3, rng=rng, bias=False), Optimised(6, 3, rng=rng, bias=False)
        plain.w_v.weight.data = np.eye(6)
        fewer.w_q, fewer.w_k, fewer.w_o = plain.w_q, plain.w_k, plain.w_o
        mixing, single = Super(6, 3, 11, rng=rng, bias=False), Efficient(6, 3, rng=rng, bias=False)
        single.w_q, single.w_o = mixing.w_q, mixing.w_o
        pairs = [(standard, efficient), (plain, fewer), (single, mixing)]
        same = [close(*(Attention(p)(x, context).data for p in pair)) for pair in pairs]
        causal = CausalSuper(6, 3, 11, rng=rng)
        causal.w_a.data = rng.normal(size=(11, 11))
        run = Attention(causal, masks=[Causal()])
        change = np.abs(run(context).data - run(context + (np.arange(7) == 4)[:, None]).data).max(axis=(0, 2))
    counts = [
        make(D, 4, rng=rng, bias=False).n_parameters()
        for make in (MultiHead, Optimised, Efficient, partial(Super, max_len=8))
    ]
    return {
        "Efficient with W_q W_k^T and W_v W_o = any one standard head": same[0],
        "Optimised = standard with W_v = 1": same[1],
        "Super with W_A = 1 = Efficient": same[2],
        "4, 3 and 2 D^2 parameters, and 2 D^2 + L^2": counts
        == [4 * D * D, 3 * D * D, 2 * D * D, 2 * D * D + 64],
        "causal Super: a later token changes no earlier row": not change[:4].any() and change[4:].all(),
    }


def draw(figure, run):
    """Accuracy over the parameters of the attention, and the learned mixtures of places."""
    figure.set_size_inches(15, 4.4)
    *panels, pictures, words = figure.subplots(1, 4)
    for ax, task in zip(panels, LENGTHS):
        for kind, colour in zip(KINDS, COLOURS.values()):
            found = run.measured[f"{kind}, {task}"]
            mark = "o" if "4" in kind else "^"
            ax.plot(found["size"], found["accuracy"], mark, color=colour, markersize=9, label=kind)
        ax.set(xlabel="parameters of the attention", ylabel="accuracy", title=task)
        ax.grid(alpha=0.25)
    panels[0].legend(fontsize=8, loc="lower right")
    for ax, task in ((pictures, "digits"), (words, "text")):
        w_a = run.models[f"Super, 1 head, {task}"].attention.projection.w_a.data
        heatmap(ax, w_a, names=("value of place", "takes from place"), title=f"W_A learned from {task}")
