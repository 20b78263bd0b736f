"""85. Neural attention: a small network scores each pair of tokens, against products of query and key.

nearest        sixteen numbers with a payload each; the payload of the number nearest to the one asked for.
               The numbers come as they are, with no layer before attention: a product of queries and keys
               is then bilinear in (u*, 1) and (u, 1), and has no term -(u - u*)^2
characters     a language model of two layers on real text

"dot, wide" gives queries and keys one number more a head, which takes the parameters of the network.
"""

from functools import partial

import numpy as np

from ...attention import Attention, Causal, Dot, LearnedPositions, MultiHead, ScaledDot, Trace
from ...attention.projections import NarrowKeys
from ...attention.scores import MLP, Additive
from ...autodiff import as_tensor, no_grad, ops, precision
from ...models import LanguageModel
from ...nn import Embedding, FeedForward, LayerNorm, Linear, Module
from ...plots import COLOURS, bars, heatmap
from ...worlds import matching, real
from ..base import Arm, Paper, at_least, at_most, mean
from ..fitting import fitted

D, H, P, LENGTH = 32, 4, 8, 32

PAPER = Paper(
    number=85,
    title="Neural Attention: A Novel Mechanism for Enhanced Expressive Power in Transformer Models",
    year=2025,
    arxiv="2502.17206",
    family="scores",
    slot="scores",
    lesson="scores-and-weights",
    claim="Scores by small networks in place of dot products lower the perplexity of language models by some "
    "percent, and raise accuracy in images.",
    part="what a network can express and a product cannot; on text, that it is no worse, not better.",
    choose="-loss",
    budget_s=20,
)


def network(rng):
    return MLP(D // H, D // H, (P, P // 2), d_low=P, rng=rng)


def attention(kind, rng, **slots):
    """The attention of an arm; what all arms have in common starts from the same values."""
    own = rng.spawn(1)[0]
    projection = NarrowKeys(D, H, D // H + 1, rng=rng) if kind == "dot, wide" else MultiHead(D, H, rng=rng)
    return Attention(projection, score=network(own) if kind == "neural" else ScaledDot(), **slots)


class Nearest(Module):
    """Numbers and payloads are embedded and added; attention, a feed-forward block, an answer."""

    def __init__(self, kind, rng):
        self.number, self.payload = Linear(1, D, rng=rng), Embedding(9, D, rng=rng)
        self.block, self.answer = FeedForward(D, 2 * D, rng=rng), Linear(D, 8, rng=rng)
        self.norms = [LayerNorm(D) for _ in range(2)]
        self.attention = attention(kind, rng)

    def embed(self, numbers, payloads):
        return self.number(as_tensor(numbers)[..., None]) + self.payload(payloads)

    def forward(self, batch):
        query = self.embed(batch["query"][:, None], np.full((len(batch["query"]), 1), 8))
        y = query + self.attention(query, self.embed(batch["numbers"], batch["payloads"]))
        y = y + self.block(self.norms[0](y))
        return self.answer(self.norms[1](y))[:, 0]

    def loss(self, batch):
        return ops.cross_entropy(self(batch), batch["targets"])


class Characters(LanguageModel):
    """Two layers, width 32, learned positions."""

    def __init__(self, kind, n_characters, rng):
        super().__init__(
            n_characters,
            d_model=D,
            n_layers=2,
            attention=lambda: attention(kind, rng, masks=[Causal()]),
            feed_forward=lambda: FeedForward(D, 2 * D, rng=rng),
            positions=LearnedPositions(LENGTH, D, rng=rng),
            rng=rng,
        )

    def loss(self, batch):
        return ops.cross_entropy(self(batch["inputs"]), batch["targets"])


def world(seed):
    """A fixed test set of each task; what there is to train on."""
    rng, text = np.random.default_rng([seed, 1]), real.load()
    characters = real.CharVocabulary(text)
    train, held_out = map(characters.encode, real.split(text))
    return {
        "nearest": nearest(rng, 2000),
        "characters": real.batch(held_out, rng, 500, LENGTH),
        "text": train,
        "n_characters": len(characters),
    }


def nearest(rng, batch):
    drawn = matching.nearest(rng, batch)
    return {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in drawn.items()}


def arms(world):
    smaller = "the heads of the network, without its parameters; dot, wide has as many"
    found = {
        f"{kind}, nearest": Arm(
            partial(Nearest, kind), 500, (3e-3, 1e-2), "nearest", smaller if kind == "dot" else ""
        )
        for kind in ("neural", "dot", "dot, wide")
    }
    for kind in ("neural", "dot, wide"):
        build = partial(Characters, kind, world["n_characters"])
        found[f"{kind}, characters"] = Arm(build, 250, (3e-3, 1e-2), "characters")
    return found


def fit(arm, world, lr, seed, label):
    return fitted(
        arm,
        partial(nearest, batch=64)
        if arm.group == "nearest"
        else partial(real.batch, world["text"], batch=32, length=LENGTH),
        lambda model, batch: model.loss(batch),
        lr,
        seed,
        label,
        warmup=30,
    )


def measure(model, world, arm):
    """Loss in nats on what was not trained on, and the share of right answers where there is one."""
    batch = world[arm.group]
    with no_grad():
        found = {"loss": model.loss(batch).item()}
        if arm.group == "nearest":
            found["accuracy"] = np.mean(model(batch).numpy().argmax(-1) == batch["targets"])
    return found


def holds(seeds):
    neural, dot, wide = (
        mean(seeds, f"{kind}, nearest", "accuracy") for kind in ("neural", "dot", "dot, wide")
    )
    ours, theirs = (mean(seeds, f"{kind}, characters", "loss") for kind in ("neural", "dot, wide"))
    return [
        at_least("nearest: accuracy of the network", neural, 0.85),
        at_most("nearest: accuracy of the better product", max(dot, wide), 0.6),
        at_most("characters: loss, network / product", ours / theirs, 1.01),
    ]


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-12)
    with precision(64):
        q, k = (as_tensor(rng.normal(size=(2, 3, n, 5))) for n in (7, 11))
        t = Trace(None, None, q=q, k=k)
        tanh, additive = MLP(5, 5, (13,), act=ops.tanh, rng=rng), Additive(5, 5, 13, rng=rng)
        additive.w.data, additive.u.data = tanh.w_q.weight.data.T[None], tanh.w_k.weight.data.T[None]
        additive.v.data = tanh.layers[0].weight.data.T[None]
        score = MLP(5, 5, (8, 4), d_low=3, rng=rng)
        scores = score(t)
        score.tile = 3
        tiles = score(t)
        (ops.softmax(scores) * rng.normal(size=scores.shape)).sum().backward()
        by_hand, u = MLP(1, 1, (2,), rng=rng), rng.uniform(-1, 1, (1, 1, 16, 1))
        by_hand.w_q.weight.data[:], by_hand.w_k.weight.data[:] = [[1], [-1]], [[-1], [1]]
        by_hand.layers[0].weight.data[:] = -1  # -relu(u* - u) - relu(u - u*)
        asked = rng.uniform(-1, 1, (1, 1, 9, 1))
        distance = by_hand(Trace(None, None, q=as_tensor(asked), k=as_tensor(u))).data
        ranks = [np.linalg.matrix_rank(s.data[0, 0]) for s in (Dot()(t), scores)]
    return {
        "one hidden layer with tanh = additive attention": close(tanh(t).data, additive(t).data),
        "two products = the pair side by side": close(scores.data, side_by_side(score, q.data, k.data)),
        "tile by tile = all at once": close(tiles.data, scores.data),
        "set by hand, it is -|u* - u|": close(distance[0, 0], -np.abs(asked[0, 0] - u[0, 0].T)),
        "a product has rank d, the network more": ranks[0] == 5 < ranks[1],
        "the last bias has no gradient": np.abs(score.layers[-1].bias.grad).max() < 1e-14,
    }


def side_by_side(score, q, k):
    """The network of `score` on every pair [q'; k'], copied side by side."""
    low = [x @ layer.weight.data.T + layer.bias.data for x, layer in ((q, score.low_q), (k, score.low_k))]
    (b, h, t, n), s = low[0].shape, k.shape[2]
    x = np.concatenate(
        [
            np.broadcast_to(low[0][:, :, :, None], (b, h, t, s, n)),
            np.broadcast_to(low[1][:, :, None], (b, h, t, s, n)),
        ],
        axis=-1,
    )
    first = np.concatenate([score.w_q.weight.data, score.w_k.weight.data], axis=1)
    x = x @ first.T + score.w_q.bias.data
    for layer in score.layers:
        x = np.maximum(x, 0) @ layer.weight.data.T + layer.bias.data
    return x[..., 0]


def surface(model, n=41):
    """(H,n,n): the score of each number (columns) for each number asked for (rows), less its row's mean."""
    u = np.linspace(-1, 1, n, dtype=np.float32)[None]
    with no_grad():
        query = model.embed(u, np.full((1, n), 8))
        scores = [
            model.attention.trace(query, model.embed(u, np.full((1, n), payload))).scores.numpy()[0]
            for payload in range(8)
        ]
    mean_scores = np.mean(scores, axis=0)
    return mean_scores - mean_scores.mean(-1, keepdims=True)


def draw(figure, run):
    """What a head has learned: a product a plane or a saddle, the network a ridge along the diagonal."""
    figure.set_size_inches(14, 4.2)
    panels = figure.subplots(1, 3)
    ticks, names = [0, 10, 20, 30, 40], ["-1", "-.5", "0", ".5", "1"]
    for ax, kind in zip(panels, ("dot", "neural")):
        heads = surface(run.models[f"{kind}, nearest"])
        near = -np.abs(np.subtract.outer(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41)))
        head = int(np.argmax([np.corrcoef(s.ravel(), near.ravel())[0, 1] for s in heads]))
        heatmap(
            ax, heads[head], names=("asked for: u*", "number u"), label="score, less its row's mean",
            title=f"{kind}, head {head}",
        )  # fmt: skip
        ax.plot([0, 40], [0, 40], color=COLOURS["orange"], linewidth=1, linestyle="--")
        ax.set_xticks(ticks, names)
        ax.set_yticks(ticks, names)
    accuracy = {k: run.measured[f"{k}, nearest"]["accuracy"] for k in ("neural", "dot", "dot, wide")}
    bars(panels[2], accuracy, ylabel="right answers", title="nearest number", rulers={"chance": 1 / 8})
    panels[2].set_ylim(0, 1.1)
