"""96. Focused transformer: keys learn to be told apart when other documents stand beside their own.

Documents share keys and differ in their topic. A document's facts are in the memory of one attention layer,
questions stand in the local context after it; the answer must come from the own document. Arms see 1, 4 or
16 documents while they learn, and are tested on 1 to 64, each question taking its 16 best keys.
"""

from functools import partial

import numpy as np

from ...attention import ALiBi, Attention, Causal, multi_head, record
from ...attention.memory import KNNMemory
from ...attention.memory.knn import best
from ...autodiff import Tensor, no_grad, ops, precision
from ...nn import Embedding, FeedForward, Linear, Module, RMSNorm
from ...nn.optim import Adam
from ...plots import curves, heatmap
from ...training import fit as train
from ...training.crossbatch import crossbatch
from ...training.schedules import cosine
from ...worlds import topics
from ..base import Arm, Paper, at_least, at_most, mean

D, H, FACTS, BATCH, STEPS, TOP_K = 32, 2, 8, 32, 700, 16
COUNTS = (1, 2, 4, 8, 16, 32, 64)

PAPER = Paper(
    number=96,
    title="Focused Transformer: Contrastive Training for Context Scaling",
    year=2023,
    arxiv="2307.03170",
    family="long-context",
    slot="memory",
    lesson="memory",
    claim="Training with the contexts of other documents in the memory lets a model use a far larger memory: "
    "attention on the relevant keys stays high as documents are added.",
    part="look-ups among 64 documents; no language model, no passkey among 256,000 tokens.",
    choose="at 64",
    budget_s=20,
)


def world(seed):
    """The topics' vectors; six test sets of 64 documents, all topics in each."""
    rng = np.random.default_rng([seed, 1])
    vectors = topics.vectors(rng, 64, D)
    return dict(vectors=vectors, test=[topics.documents(rng, 64, vectors) for _ in range(6)])


class Reader(Module):
    """One pre-norm block whose attention has a memory: the facts of documents, written by `read`."""

    def __init__(self, *, rng):
        self.key, self.value = Embedding(16, D, rng=rng), Embedding(8, D, rng=rng)
        self.attention = multi_head(D, H, rng=rng, positions=[ALiBi(H)], masks=[Causal()], memory=KNNMemory())
        self.block, self.answer = FeedForward(D, 2 * D, rng=rng), Linear(D, 8, rng=rng)
        self.norms = [RMSNorm(D) for _ in range(3)]

    def facts(self, batch):
        """k and v (B,H,facts,d) of the documents."""
        keys, values = (batch["facts"][..., i] for i in (0, 1))
        x = self.norms[0](self.key(keys) + self.value(values) + batch["fact_topics"])
        _, k, v = self.attention.projection(x, x)
        return k, v

    def forward(self, batch, allowed):
        """allowed (B,B) boolean: whose facts each document's questions may see -> logits (B,questions,8)."""
        self.attention.memory.clear()
        self.attention.memory.write(*self.facts(batch))
        x = self.key(batch["questions"]) + batch["question_topics"]
        x = x + self.attention(self.norms[0](x), stored=np.repeat(allowed, FACTS, axis=1))
        x = x + self.block(self.norms[1](x))
        return self.answer(self.norms[2](x))


def arms(world):
    return {
        f"d = {d}": Arm(lambda rng: Reader(rng=rng), STEPS, (1e-2,), settings={"d": d}) for d in (1, 4, 16)
    }


def fit(arm, world, lr, seed, label):
    model = arm.build(np.random.default_rng(seed))

    def draw(rng):
        allowed = crossbatch(BATCH, arm.settings["d"], rng)
        return topics.documents(rng, BATCH, world["vectors"]) | {"allowed": allowed}

    train(
        model,
        draw,
        lambda model, batch: ops.cross_entropy(model(batch, batch["allowed"]), batch["targets"]),
        Adam(model.parameters(), lr=lr),
        steps=arm.steps,
        schedule=cosine(arm.steps, warmup=35),
        clip=1.0,
        seed=seed,
        label=label,
    )
    model.attention.memory.top_k = TOP_K
    return model.eval()


def measure(model, world, arm):
    """Accuracy with so many documents in the memory; at 16, the share of attention on the own one's keys."""
    found = {f"at {n}": np.mean([asked(model, batch, n)[0] for batch in world["test"]]) for n in COUNTS}
    return found | {"own document": np.mean([asked(model, batch, 16)[1] for batch in world["test"]])}


def asked(model, batch, n):
    """(accuracy, mean weight on the own document's facts) with n documents in everybody's memory."""
    allowed = crossbatch(64, n, np.random.default_rng(n))
    with no_grad(), record(model) as traces:
        right = model(batch, allowed).data.argmax(-1) == batch["targets"]
    weights = traces["attention"].weights.data.mean(1)[..., : 64 * FACTS].reshape(64, -1, 64, FACTS)
    own = np.arange(64)
    return right.mean(), weights[own, :, own].sum(-1).mean()


def holds(seeds):
    def of(d, metric):
        return mean(seeds, f"d = {d}", metric)

    return [
        at_least("64 documents: accuracy of d = 16", of(16, "at 64"), 0.75),
        at_most("64 documents: accuracy of d = 1", of(1, "at 64"), 0.4),
        at_least(
            "16 documents: attention on the own one, d = 16 / d = 1",
            of(16, "own document") / of(1, "own document"),
            2,
        ),
        at_least("1 document: accuracy of d = 16", of(16, "at 1"), 0.95),
        at_least("1 document: accuracy of d = 1", of(1, "at 1"), 0.95),
    ]


def beside(plain, x, top_k, *contexts, **given):
    """The record of an attention like `plain` with the k and v of these contexts in its memory."""
    memory = KNNMemory(top_k)
    for kept in contexts:
        memory.write(*kept)
    slots = {"positions": plain.positions, "masks": plain.masks, "memory": memory}
    return Attention(plain.projection, **slots).trace(x, **given)


def exact():
    rng, close = np.random.default_rng(5), partial(np.allclose, rtol=0, atol=1e-9)
    with precision(64):
        stored = [Tensor(a, requires_grad=True) for a in rng.normal(size=(2, 3, 2, 5, 4))]
        x = rng.normal(size=(2, 7, 8))
        plain = multi_head(8, 2, rng=rng, positions=[ALiBi(2)], masks=[Causal()])
        reading = partial(beside, plain, x)
        dense, large = reading(None, stored), reading(15, stored)
        flat = [np.moveaxis(a.data, 1, 0).reshape(1, 2, 15, 4) for a in stored]
        local = plain.trace(x)
        scores = np.concatenate([local.q.data @ flat[0].swapaxes(-1, -2) / 2, local.scores.data], axis=-1)
        mask = np.concatenate([np.ones((7, 15), bool), np.tri(7, dtype=bool)], axis=-1)
        by_hand = ops.softmax(scores, mask).data
        few, empty, shifted = reading(4, stored), reading(3), reading(None, stored, start=9)
        twice = reading(None, stored, [a[2:] for a in stored]).weights.data
        first, e = dense.weights.data, dense.weights.data[..., 10:15].sum(-1, keepdims=True)
        seen = np.repeat(crossbatch(3, 1, rng)[:2], 5, axis=1)
        reading(None, stored, stored=seen).out.sum().backward()
        alone = stored[0].grad.copy()
        reading(None, stored, stored=np.ones((2, 15), bool)).out[0].sum().backward()
        others = stored[0].grad - alone
        ties = best(np.array([1.0, 3, 1, 3, 1]), 3)
    chosen = np.sort(few.scores.data[..., :15], axis=-1)[..., -4:]
    return {
        "k of all keys or more = dense attention over memory and text": close(large.out.data, dense.out.data),
        "which is one softmax over both": close(dense.weights.data, by_hand),
        "an empty memory is local attention": close(empty.out.data, local.out.data),
        "the k best are the first of a full sort": (few.mask[..., :15].sum(-1) == 4).all()
        and close(np.sort(few.scores.data[..., :15][few.mask[..., :15]]), np.sort(chosen.ravel())),
        "of equals the first": np.array_equal(ties, [True, True, False, True, False]),
        "a document that comes twice: as the softmax predicts": close(
            twice[..., 20:], first[..., 15:] / (1 + e)
        ),
        "d = 1 looks at its own former context only": alone[:2].any() and not alone[2].any(),
        "negatives get gradients": others[1].any() and others[2].any(),
        "the memory has no place: shifted texts score it the same": close(
            shifted.scores.data[..., :15], dense.scores.data[..., :15]
        ),
    }


def draw(figure, run):
    """Whose facts each document's questions attend to, and accuracy as documents are added."""
    figure.set_size_inches(14, 4.6)
    panels, batch = figure.subplots(1, 3), run.world["test"][0]
    for ax, arm in zip(panels, ("d = 1", "d = 16")):
        with no_grad(), record(run.models[arm]) as traces:
            run.models[arm](batch, np.ones((64, 64), dtype=bool))
        weights = traces["attention"].weights.data.mean((1, 2))[:, : 64 * FACTS]  # over heads and questions
        share = weights.reshape(64, 64, FACTS).sum(-1)
        own = share.diagonal().mean()
        title = f"{arm}: 64 documents, {own:.0%} on the own one"
        names = "document that asks", "document in the memory"
        heatmap(
            ax, share[:16, :16], names=names, title=title, label="share of the attention", limits=(0, 0.5)
        )
    panels[2].set_ylim(0, 1.05)
    lines = {arm: (list(COUNTS), [m[f"at {n}"] for n in COUNTS]) for arm, m in run.measured.items()}
    curves(panels[2], lines, xlabel="documents in the memory", ylabel="accuracy", rulers={"chance": 1 / 8})
    panels[2].set_xscale("log", base=2)
    panels[2].set(xticks=COUNTS, xticklabels=COUNTS, title="more documents distract")
