"""87. Recurrent networks, a survey: each limit of the plain RNN, and the idea that lifts it.

gradients   how fast the gradient fades on its way back through 40 steps; nothing is trained
memory      a symbol, then noise, then "?": which symbol was it?      RNN against LSTM
reversal    say 12 symbols backwards                                  one fixed context against attention
sorting     numbers from small to large, learned on 3 to 5 of them, asked for 7: naming places by attention
            (pointer), naming places or values by a softmax of fixed size

The sections of the survey with their components and exact checks stand in rnn_sections.
"""

import pkgutil
from functools import partial

import numpy as np

from ...attention import bahdanau, luong_general
from ...autodiff import no_grad, precision
from ...models import Luong, Plain, PointerNetwork
from ...nn import LSTM, RNN
from ...nn.optim import Adam
from ...training import fit as train
from ...training.schedules import cosine
from ...worlds import recall
from ..base import Arm, Paper, at_least, at_most, exactly, mean
from .rnn_gradients import norms, rnn_of_radius
from .rnn_sections import SECTIONS
from .rnn_tasks import DRAW, FIRST, LAGS, Reader, answered, asked

PAPER = Paper(
    number=87,
    title="Recurrent Neural Networks (RNNs): A gentle Introduction and Overview",
    year=2019,
    arxiv="1912.05911",
    family="survey",
    slot="survey",
    lesson="recurrent-networks",
    claim="Plain RNNs suffer from vanishing and exploding gradients; LSTM, deep and bidirectional RNNs, "
    "encoder-decoders, attention and pointer networks lift one limit after the other.",
    part="vanishing gradients, memory, attention and pointers are measured; exploding gradients, deep and "
    "bidirectional networks have exact checks only.",
    note="An RNN of radius 1.3 does not explode along real inputs, because tanh saturates; the linear case "
    "does, and is an exact check. An LSTM with forget bias 0 fades faster than any RNN here. A plain RNN "
    "may hold a symbol over 40 steps after all: at one of two tuning seeds (.86), at none of the reported "
    "ones. On 7 numbers the pointer is hardly more often right than a softmax over values, and less often "
    "than one with attention to the input; but only the pointer never names a number that is not there.",
    choose="accuracy",
    budget_s=20,
)
STEPS, SEVEN, FOREIGN = 40, "accuracy, 7 numbers", "not in the input, 7 numbers"


def world(seed):
    """Noise for the gradients, test sets {task: {metric: batch}}; every training step draws a new batch."""
    rng = np.random.default_rng([seed, 1])
    tests = {task: {"accuracy": draw_batch(rng, 500)} for task, draw_batch in DRAW.items()}
    lengths = {"accuracy": 5, SEVEN: 7}
    tests["sorting"] = {k: recall.sort(rng, 500, shortest=n, longest=n) for k, n in lengths.items()}
    return {"gradients": rng.normal(size=(1, STEPS, 8)), **tests}


def arms(world):
    def arm(task, build, rates=(5e-3, 1e-2, 2e-2), steps=300, answer="targets", because=""):
        return Arm(build, steps, rates, task, because, dict(task=task, answer=answer))

    def plain(n_answers, n):  # no attention: the same encoder as the pointer, a softmax over n_answers
        sizes = dict(d_embed=24, d_encoder=16, d_decoder=n)
        return lambda rng: Plain(20 + FIRST, n_answers + FIRST, rng=rng, **sizes)

    def copier(rng):
        own = bahdanau(27, 28, 27, rng=rng)
        return Luong(20 + FIRST, 20 + FIRST, d_embed=24, d_encoder=14, d_decoder=27, attention=own, rng=rng)

    def general(rng):
        return luong_general(32, 32, rng=rng)

    untrained, memory = dict(steps=0, rates=(0.0,)), (2e-3, 5e-3, 1e-2)
    gates = "nothing is trained, and it has as many states"
    found = {}
    for radius in (0.8, 1.0, 1.3):
        found[f"RNN, radius {radius}"] = arm("gradients", partial(rnn_of_radius, radius), **untrained)
    for bias in (0, 1, 4):
        build = partial(lambda bias, rng: LSTM(8, 32, forget_bias=bias, rng=rng), bias)
        found[f"LSTM, forget bias {bias}"] = arm("gradients", build, because=gates, **untrained)
    for lag in (f"lag {lag}" for lag in LAGS):
        found[f"RNN, {lag}"] = arm(lag, lambda rng: Reader(RNN, 40, rng), memory)
        found[f"LSTM, {lag}"] = arm(lag, lambda rng: Reader(LSTM, 19, rng, forget_bias=5), memory)
    small = dict(d_embed=16, d_encoder=16, d_decoder=32)
    return found | {
        "attention": arm("reversal", lambda rng: Luong(19, 19, attention=general(rng), rng=rng, **small)),
        "fixed context": arm("reversal", lambda rng: Plain(19, 19, rng=rng, **small)),
        "pointer": arm("sorting", lambda rng: PointerNetwork(20, rng=rng), steps=400, answer="attend"),
        "places": arm("sorting", plain(5, 29), steps=400, answer="attend"),
        "values": arm("sorting", plain(20, 27), steps=400),
        "values, attention": arm("sorting", copier, steps=400),
    }


def fit(arm, world, lr, seed, label):
    model, (task, answer) = arm.build(np.random.default_rng(seed)), arm.settings.values()
    if arm.steps:
        train(
            model,
            lambda rng: asked(model, DRAW[task](rng, 64), answer),
            lambda model, batch: model.loss(**batch),
            Adam(model.parameters(), lr=lr),
            steps=arm.steps,
            schedule=cosine(arm.steps, warmup=20),
            clip=1.0,
            seed=seed,
            label=label,
        )
    return model.eval()


def measure(model, world, arm):
    """Slope of the log gradient a step, or shares of right answers and of texts with one from outside."""
    (task, answer), found = arm.settings.values(), {}
    if task == "gradients":
        return {"slope": np.polyfit(np.arange(STEPS), np.log(norms(model, world[task])), 1)[0]}
    with no_grad():
        for name, batch in world[task].items():
            said = answered(model, batch, answer)
            found[name] = np.mean(said == batch[answer])
            if name == SEVEN:
                there = batch["inputs"] if answer == "targets" else np.arange(7)[None]
                found[FOREIGN] = 1 - np.mean((said[:, :, None] == there[:, None]).any(-1).all(-1))
    return found


def holds(seeds):
    m = partial(mean, seeds)
    fades, keeps = m("RNN, radius 0.8", "slope"), m("LSTM, forget bias 4", "slope")
    lag, right = f"lag {LAGS[-1]}", "accuracy"
    reversed_ = m("attention", right) - m("fixed context", right)
    return [
        at_most("slope of log gradient, RNN of radius 0.8", fades, -0.15),
        at_most("size of that slope, LSTM of forget bias 4 over RNN", abs(keeps / fades), 0.5),
        at_least(f"{lag}, LSTM - RNN", m(f"LSTM, {lag}", right) - m(f"RNN, {lag}", right), 0.36),
        at_least("reversal, attention - fixed context", reversed_, 0.33),
        at_least("sorting 7, pointer - places", m("pointer", SEVEN) - m("places", SEVEN), 0.27),
        exactly("sorting 7, texts where the pointer leaves the input", m("pointer", FOREIGN), 0),
        at_least("sorting 7, texts where values leave the input", m("values", FOREIGN), 0.3),
    ]


def exact():
    with precision(64):
        facts = {f"{name}: {f.__name__}": f() for name, (_, checks) in SECTIONS.items() for f in checks}
    found = [checks and callable(pkgutil.resolve_name(part)) for part, checks in SECTIONS.values()]
    return {"every section has a component and a check": all(found), **facts}


def draw(figure, run):
    """Gradient against distance, memory against lag, and the two tasks that attention solves."""
    from ...plots import bars, curves, lines_by_group

    figure.set_size_inches(12, 9)
    (gradient, memory), (reversal, sorting) = figure.subplots(2, 2)
    layers = {name: layer for name, layer in run.models.items() if "slope" in run.measured[name]}
    fading = {name: norms(layer, run.world["gradients"]) for name, layer in layers.items()}
    title, ylabel = "how a gradient stretches on its way back", "largest singular value"
    curves(gradient, fading, xlabel="steps back", ylabel=ylabel, title=title, log=True)
    cells = {
        cell: {lag: run.measured[f"{cell}, lag {lag}"]["accuracy"] for lag in LAGS}
        for cell in ("RNN", "LSTM")
    }
    title = "name the symbol that stood before the noise"
    lines_by_group(memory, cells, xlabel="noise tokens", ylabel="right answers", title=title)
    memory.axhline(1 / 8, color="grey", linewidth=0.9, linestyle="--", label="guessing")
    memory.legend(frameon=False)
    batch = run.world["reversal"]["accuracy"]
    said = {name: answered(run.models[name], batch, "targets") for name in ("fixed context", "attention")}
    by_place = {name: np.mean(s == batch["targets"], axis=0) for name, s in said.items()}
    title = "say 12 symbols backwards"
    curves(reversal, by_place, xlabel="symbol said", ylabel="right symbols", title=title)
    reversal.set_ylim(0, 1.03)
    found = {k: m for k, m in run.measured.items() if SEVEN in m}
    labels = {k: f"{k}\n{m[FOREIGN]:.0%} stray" for k, m in found.items()}
    title = "sort 7 numbers, learned on 3 to 5"
    bars(sorting, {labels[k]: m[SEVEN] for k, m in found.items()}, ylabel="right numbers", title=title)
    sorting.set_xlabel("stray: texts with an answer that is not in the input")
