"""72. Multi-token attention: scores that mix with those of neighbouring queries and keys.

Six blocks of four letters, each followed by its label, then # and two letters: the label of the only block
that holds both. Each letter stands in two other blocks as well, so neither is enough by itself. A convolution
over two queries and nine keys adds up what both letters find near a label; one layer of standard attention
looks for one vector at a time. The model answers the last token, so only the last rows of its last layer are
computed.
"""

from functools import partial

import numpy as np

from ...attention import Attention, Causal, LearnedPositions, MultiHead, ScaledDot, Softmax, multi_head
from ...attention.memory import QueryCache
from ...attention.scores import HeadMix as ScoreMix
from ...attention.scores import KeyQueryConv
from ...attention.scores.key_query_conv import convolve
from ...attention.weights import GatedNorm, HeadMix
from ...autodiff import as_tensor, no_grad, ops, precision
from ...models.language_model import Block
from ...nn import Embedding, FeedForward, Linear, Module, RMSNorm
from ...plots import bars, heatmap
from ...worlds import matching
from ..base import Arm, Paper, at_least, at_most, mean
from ..fitting import fitted

D, H, LENGTH, LABELS = 32, 4, 33, 12
KEYS, QUERIES = 9, 2

PAPER = Paper(
    number=72,
    title="Multi-Token Attention",
    year=2025,
    arxiv="2504.00927",
    family="scores",
    slot="scores",
    lesson="scores-and-weights",
    claim="Weights that depend on several queries and keys find what standard transformers often miss (block "
    "search), and lower the perplexity of language models.",
    part="block search; perplexity on real text is not measured.",
    note="Two layers of standard attention could tie a label to its letters, and have nearly twice the "
    "parameters; in the same 800 steps they find as little as one layer. More steps were not tried.",
    choose="accuracy",
    budget_s=20,
)


def multi_token(c_q, c_k):
    """The slots of a multi-token attention."""
    return dict(score=KeyQueryConv(H, c_q, c_k), weights=GatedNorm(D // H, HeadMix(H, 2)))


class Searcher(Module):
    """Pre-norm blocks that answer a text's last token."""

    def __init__(self, n_layers, slots, rng):
        self.token, self.positions = Embedding(29, D, rng=rng), LearnedPositions(LENGTH, D, rng=rng)
        self.blocks = [
            Block(
                multi_head(D, H, rng=rng, masks=[Causal()], **slots()),
                FeedForward(D, 2 * D, rng=rng),
                (RMSNorm(D), RMSNorm(D)),
            )
            for _ in range(n_layers)
        ]
        self.norm, self.answer = RMSNorm(D), Linear(D, LABELS, rng=rng)

    def forward(self, batch):
        x = self.positions.embed(self.token(batch["inputs"]), np.arange(batch["inputs"].shape[1]))
        *first, last = self.blocks
        for block in first:
            x = block(x)
        context, start = last.norm_1(x), x.shape[1] - QUERIES
        y = last.attention(context[:, start:], context, start=start)[:, -1:] + x[:, -1:]
        y = y + last.feed_forward(last.norm_2(y))
        return self.answer(self.norm(y))[:, 0]


def world(seed):
    """A fixed test set; the texts to train on are drawn anew at each step."""
    return matching.block_search(np.random.default_rng([seed, 1]), 2000)


def arms(world):
    kinds = {
        "multi-token": (1, partial(multi_token, QUERIES, KEYS), ""),
        "heads mixed only": (1, partial(multi_token, 1, 1), ""),
        "standard": (1, dict, ""),
        "standard, 2 layers": (2, dict, "a second layer, which can tie a label to its letters"),
    }
    return {
        name: Arm(partial(Searcher, n_layers, slots), 800, (4e-3, 1e-2), because=because)
        for name, (n_layers, slots, because) in kinds.items()
    }


def fit(arm, world, lr, seed, label):
    return fitted(
        arm,
        partial(matching.block_search, batch=64),
        lambda model, batch: ops.cross_entropy(model(batch), batch["targets"]),
        lr,
        seed,
        label,
        warmup=40,
    )


def measure(model, world, arm):
    """Share of right answers."""
    with no_grad():
        right = model(world).numpy().argmax(-1) == world["targets"]
    return {"accuracy": right.mean(), "error": 1 - right.mean()}


def holds(seeds):
    error = {name: mean(seeds, name, "error") for name in seeds[0]}
    ours = error["multi-token"]
    return [
        at_most("error of multi-token attention", ours, 0.05),
        at_least("error of standard attention, 1 layer", error["standard"], 0.4),
        at_least("error of standard attention, 2 layers - ours", error["standard, 2 layers"] - ours, 0.05),
    ]


def exact():
    rng, close = np.random.default_rng(3), partial(np.allclose, rtol=0, atol=1e-12)
    with precision(64):
        x = rng.normal(size=(2, 11, 12))
        plain, same, moved = attentions(rng)
        kernel, scores = rng.normal(size=(3, 2, 5)), rng.normal(size=(1, 3, 7, 6))
        later = x.copy()
        later[:, 8:] = rng.normal(size=later[:, 8:].shape)
        cache = QueryCache(1)
        with no_grad():
            steps = [moved(x[:, i : i + 1], cache=cache).data[:, -1] for i in range(11)]
        talking, mix = ScoreMix(3, 3), rng.normal(size=(1, 3, 3))
        talking.mix.data = mix
        t = plain.trace(x)
        talk = np.einsum("ab,nbts->nats", mix[0], ScaledDot()(t).data)
        extra = moved.n_parameters() - plain.n_parameters()
        return {
            "identity kernels and mixtures: standard attention, bit by bit": all(
                np.array_equal(getattr(same.trace(x), name).data, getattr(t, name).data)
                for name in ("weights", "out")
            ),
            "shift and add = four loops": close(
                convolve(as_tensor(scores), as_tensor(kernel)).data, loops(scores, kernel)
            ),
            "a later token changes no earlier row": np.array_equal(
                moved(x).data[:, :8], moved(later).data[:, :8]
            ),
            "token by token, with 1 query kept = all at once": close(np.stack(steps, 1), moved(x).data),
            "all heads mixed before the softmax: talking heads": close(talking(t).data, talk),
            "parameters: H c_q c_k + H c_h + gain and gate": extra == 3 * 2 * 5 + 3 * 3 + 4 + 5,
        }


def attentions(rng):
    """Standard attention; the same with identity kernel and mixture; one with all of it, moved by chance."""
    projection = MultiHead(12, 3, rng=rng)
    plain = Attention(projection, masks=[Causal()])
    same = Attention(
        projection, score=KeyQueryConv(3, 2, 5), weights=HeadMix(3, 3, Softmax()), masks=[Causal()]
    )
    moved = Attention(
        projection, score=KeyQueryConv(3, 2, 5), weights=GatedNorm(4, HeadMix(3, 3)), masks=[Causal()]
    )
    for parameter in (*moved.score.parameters(), *moved.weights.parameters()):
        parameter.data = rng.normal(size=parameter.shape)
    return plain, same, moved


def loops(scores, kernel):
    """The sum over a kernel, one element at a time."""
    out, (c_q, c_k) = np.zeros_like(scores), kernel.shape[1:]
    for b, h, i, j in np.ndindex(out.shape):
        for a in range(c_q):
            for c in range(-(c_k // 2), (c_k + 1) // 2):
                if i - a >= 0 and 0 <= j - c < scores.shape[3]:
                    out[b, h, i, j] += kernel[h, a, c + c_k // 2] * scores[b, h, i - a, j - c]
    return out


def draw(figure, run):
    """Kernels, and a text before and after the convolution: two faint matches become one peak."""
    figure.set_size_inches(14, 6)
    model, text = run.models["multi-token"], {k: v[:1] for k, v in run.world.items()}
    attention, before, t = looked(model, text)
    place, words = text["attend"][0], [name(token) for token in text["inputs"][0]]
    after, labels = t.scores.numpy()[0], np.arange(4, 30, 5)
    others = labels[labels != place]
    head = int(np.argmax(after[:, -1, place] - after[:, -1, others].max(-1)))
    grid = figure.add_gridspec(3, 6, height_ratios=(2, 1, 1))
    for h, kernel in enumerate(attention.score.kernel.data):
        ax = figure.add_subplot(grid[0, h])
        rows = ["this query", "the last"] if h == 0 else ["", ""]
        heatmap(ax, kernel[:, ::-1], rows=rows, names=("", "key, from here"), title=f"kernel of head {h}")
        ax.set_xticks([0, KEYS // 2, KEYS - 1], [f"-{KEYS // 2}", "0", f"+{KEYS // 2}"])
    ax = figure.add_subplot(grid[0, 4:])
    short = ("multi-\ntoken", "heads\nmixed", "1 layer", "2 layers")
    bars(
        ax,
        dict(zip(short, (m["error"] for m in run.measured.values()))),
        ylabel="error",
        title="block search",
    )
    titles = ("before the convolution", "after it (between the lines: the label that is the answer)")
    for row, scores, title in zip((1, 2), (before[head], after[head]), titles):
        ax, seen = figure.add_subplot(grid[row, :]), np.where(t.mask, scores, np.nan)
        heatmap(ax, seen, rows=words[-2:], columns=words, title=f"scores of head {head} {title}")
        ax.tick_params(axis="x", rotation=0)
        for side in (place - 0.5, place + 0.5):
            ax.axvline(side, color="black", linewidth=1.5)


def looked(model, text):
    """The attention, its scores before the convolution (H,2,T), and the record of the last two rows."""
    block = model.blocks[0]
    with no_grad():
        x = model.positions.embed(model.token(text["inputs"]), np.arange(LENGTH))
        context = block.norm_1(x)
        t = block.attention.trace(context[:, -QUERIES:], context, start=LENGTH - QUERIES)
        return block.attention, block.attention.score.score(t).numpy()[0], t


def name(token):
    """Letters are a to p, labels 0 to 11."""
    return "#" if token == 28 else chr(97 + token) if token < 16 else str(token - 16)
