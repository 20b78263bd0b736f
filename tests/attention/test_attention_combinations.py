"""Every mechanism of every slot with every other: called path = traced path = plain NumPy."""

import itertools

import numpy as np
import pytest
from reference_attention import reference

from minattn import Tensor, no_grad, precision
from minattn import attention as A
from minattn.errors import ArgumentError
from minattn.nn import Parameter

B, T, S, H, GROUPS, D = 3, 5, 7, 4, 2, 6
RNG = np.random.default_rng(7)


def moved(module):
    """Parameters away from their start, so that none of them is 0 or an identity."""
    for parameter in module.parameters():
        parameter.data = RNG.normal(size=parameter.shape) * 0.5
    return module


with precision(64):
    PROJECTIONS = {
        "multi_head": moved(A.MultiHead(H * D, H, rng=RNG)),
        "grouped_query": moved(A.GroupedQuery(H * D, H, GROUPS, rng=RNG)),
        "multi_query": moved(A.MultiQuery(H * D, H, rng=RNG)),
        "identity": A.Identity(),
    }
    X = {name: RNG.normal(size=(B, T, D if name == "identity" else H * D)) for name in PROJECTIONS}
    CONTEXT = {name: RNG.normal(size=(B, S, x.shape[-1])) for name, x in X.items()}


def options(heads):
    """What can stand in each slot; a list of positions or masks is one choice."""
    relative, cope = moved(A.Relative(D, 2, rng=RNG)), moved(A.CoPE(4, D))
    scores = [
        A.ScaledDot(),
        A.Dot(),
        moved(A.General(D, D, rng=RNG, n_heads=heads)),
        moved(A.Concat(D, D, 3, rng=RNG)),
        moved(A.Additive(D, D, 3, rng=RNG, n_heads=heads)),
        moved(A.Location(D, 11, rng=RNG)),
    ]
    positions = [
        [],
        [A.Rotary(D)],
        [A.ALiBi(heads)],
        [A.Rotary(D), A.ALiBi(heads), A.Sinusoidal(D * heads)],
        [relative],
        [cope],
        [A.LearnedPositions(11, D * heads, rng=RNG), cope, relative, A.Rotary(D)],
    ]
    masks = [[], [A.Causal()], [A.Window(1)], [A.Causal(), A.Window(2)]]
    weights = [
        A.Softmax(),
        A.Sparsemax(),
        A.ReLU(),
        moved(A.ReLA(D * heads)),
        moved(A.LocalGaussian(D, 2, rng=RNG)),
    ]
    return scores, positions, masks, weights


class Notes(A.memory.FrontMemory):
    """Learned keys without a place; each query sees its own choice of them, or all of them do."""

    def __init__(self, heads, n=3, seen=None):
        self.k, self.v = (Parameter(RNG.normal(size=(1, heads, n, D))) for _ in range(2))
        self.seen = seen

    def read(self, t):
        return self.k, self.v, None if self.seen is None else self.seen[:, :, : t.q.shape[2]]

    def arrays(self, batch, heads):
        whole = (np.repeat(x.data, heads // x.shape[1], axis=1) for x in (self.k, self.v))
        k, v = (np.tile(x, (batch, 1, 1, 1)) for x in whole)
        return k, v, True if self.seen is None else self.seen


def with_notes(projection):
    """Attentions with notes in front: all notes for everybody, or another choice for each query."""
    scores, positions, masks, weights = options(PROJECTIONS[projection].n_heads)
    seen = RNG.random((B, 1, T, 3)) < 0.6
    seen[1, 0, 2] = False
    notes = [Notes(1), Notes(PROJECTIONS[projection].n_kv_heads, seen=seen)]
    for s, p, m, w, memory in itertools.product(scores[:5], positions, masks, weights[:4], notes):
        yield A.Attention(PROJECTIONS[projection], score=s, positions=p, masks=m, weights=w, memory=memory)


# Held to plain NumPy in tests of their own.
OF_THEIR_OWN = {
    A.projections.CausalSuper, A.projections.Efficient, A.projections.Optimised, A.projections.Super,
    A.projections.LearnedSymbols, A.projections.PositionalSymbols, A.projections.SomeHeads,
    A.projections.SymbolHeads, A.scores.HeadMix, A.scores.KeyQueryConv, A.scores.MLP, A.positions.Relations,
    A.positions.RelativeSymbols, A.weights.GatedNorm, A.weights.HeadMix,
    A.projections.AddedHeads, A.projections.ScaledHeads, A.projections.TiedHeads,
    A.projections.LearnedSymbols, A.projections.PositionalSymbols, A.projections.SomeHeads,
    A.projections.SymbolHeads, A.scores.HeadMix, A.scores.KeyQueryConv, A.scores.MLP, A.positions.Relations,
    A.positions.RelativeSymbols, A.weights.GatedNorm, A.weights.HeadMix,
    A.projections.AddedHeads, A.projections.ScaledHeads, A.projections.TiedHeads,
    A.projections.LearnedSymbols, A.projections.PositionalSymbols, A.projections.SomeHeads,
    A.projections.SymbolHeads, A.scores.HeadMix, A.scores.KeyQueryConv, A.scores.MLP, A.positions.Relations,
    A.positions.RelativeSymbols, A.weights.GatedNorm, A.weights.HeadMix,
    A.projections.AddedHeads, A.projections.ScaledHeads, A.projections.TiedHeads,
    A.positions.GGDPrior, A.positions.ShiftedGGDPrior, A.scores.SSMax,
    A.projections.FreeHeads, A.projections.WholeValues,
    A.masks.BlockTopK, A.masks.Chunk, A.masks.LSHBuckets, A.masks.Sinks, A.masks.TokenTypes,
    A.masks.visibility,
    A.positions.DistanceBias, A.weights.HeavyHitters,
    A.TopK, A.NarrowKeys, A.positions.LRPE,
    A.weights.Expanding, A.weights.Marginal, A.weights.Relaxed, A.weights.Sigmoid, A.weights.geometric,
    A.masks.LandmarkTopK, A.weights.GroupedSoftmax,
    A.positions.Relations, A.positions.RelativeSymbols, A.projections.LearnedSymbols, A.scores.MLP,
    A.projections.PositionalSymbols, A.projections.SomeHeads, A.projections.SymbolHeads,
    A.scores.HeadMix, A.scores.KeyQueryConv, A.weights.GatedNorm, A.weights.HeadMix,
}  # fmt: skip
VALID = np.arange(S) < np.array([[7], [4], [0]])  # full, padded, and nothing to attend to
CALLS = list(itertools.product([False, True], [None, VALID]))


def attentions(projection, which=slice(None)):
    """Every Attention over a projection, with the kinds of weights `which`."""
    scores, positions, masks, weights = options(PROJECTIONS[projection].n_heads)
    for s, p, m, w in itertools.product(scores, positions, masks, weights[which]):
        yield A.Attention(PROJECTIONS[projection], score=s, positions=p, masks=m, weights=w)


def inputs(projection, cross, valid):
    """x, context and `valid` of a call: in self-attention the keys are the T queries."""
    valid = None if valid is None else valid[:, : S if cross else T]
    return X[projection], CONTEXT[projection] if cross else None, valid


def name(attention, cross):
    slots = (attention.score, *attention.positions, *attention.masks, attention.weights)
    return f"{[type(slot).__name__ for slot in slots]}, cross={cross}"


def test_every_mechanism_of_the_package_is_tried():
    choices = [choice for slot in options(H) for choice in slot]
    parts = [p for choice in choices for p in (choice if isinstance(choice, list) else [choice])]
    tried = {type(part) for part in (*parts, *PROJECTIONS.values())}
    slots = (A.projections, A.scores, A.positions, A.masks, A.weights)
    offered = {getattr(slot, name) for slot in slots for name in slot.__all__}
    bases = {A.scores.Score, A.positions.Position, A.weights.Weights}
    assert offered - tried == bases | {A.Padding} | OF_THEIR_OWN


@pytest.mark.parametrize("which", range(5), ids=["softmax", "sparsemax", "relu", "rela", "local"])
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_every_combination_equals_plain_numpy(projection, which):
    with precision(64), no_grad():
        for attention in attentions(projection, slice(which, which + 1)):
            for cross, valid in CALLS:
                x, context, valid = inputs(projection, cross, valid)
                got = attention(x, context, valid=valid).numpy()
                expected = reference(attention, x, context, valid)
                assert np.allclose(got, expected, rtol=1e-8, atol=1e-10), name(attention, cross)


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_called_path_equals_traced_path_in_values_and_gradients(projection):
    """Where a combination takes the fused primitive; elsewhere a call is the trace itself."""
    calls = 0
    with precision(64):
        for attention in filter(A.Attention.fuses, attentions(projection)):
            for cross, valid in CALLS:
                given = inputs(projection, cross, valid)
                called = gradients(attention, attention.forward, *given)
                traced = gradients(attention, attention.trace, *given)
                for one, two in zip(called, traced, strict=True):
                    assert np.allclose(one, two, rtol=1e-9, atol=1e-11), name(attention, cross)
                calls += 1
    assert calls == 2 * 4 * 4 * 4, "two scores, four sets of positions, four of masks, four calls"


@pytest.mark.parametrize("projection", ["identity", "multi_head", "grouped_query"])
def test_keys_without_a_place_in_front_of_every_combination(projection):
    with precision(64):
        for i, attention in enumerate(with_notes(projection)):
            cross, valid = CALLS[i % 4]
            given = inputs(projection, cross, valid)
            with no_grad():
                got, expected = attention(*given[:2], valid=given[2]).numpy(), reference(attention, *given)
            assert np.allclose(got, expected, rtol=1e-8, atol=1e-10), name(attention, cross)


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_called_path_equals_traced_path_with_keys_in_front(projection):
    with precision(64):
        for i, attention in enumerate(filter(A.Attention.fuses, with_notes(projection))):
            given = inputs(projection, *CALLS[(i + i // 4) % 4])
            called = gradients(attention, attention.forward, *given)
            traced = gradients(attention, attention.trace, *given)
            for one, two in zip(called, traced, strict=True):
                assert np.allclose(one, two, rtol=1e-9, atol=1e-11), name(attention, given[1] is not None)
        assert i == 2 * 4 * 4 * 2 - 1, "two scores, four sets of positions, four of masks, two memories"


def test_what_looks_for_places_alone_refuses_keys_without_one():
    for slots in ({"score": A.Location(D, 11, rng=RNG)}, {"weights": A.LocalGaussian(D, 2, rng=RNG)}):
        with pytest.raises(ArgumentError, match="looks for places"):
            A.Attention(A.Identity(), memory=Notes(1), **slots)


def gradients(attention, run, x, context, valid):
    """The output and the gradients of x, context and every parameter."""
    given = [Tensor(a, requires_grad=True) for a in (x, context) if a is not None]
    attention.zero_grad()
    out = run(*given, valid=valid)
    out = out.out if isinstance(out, A.Trace) else out
    (out * np.cos(np.arange(out.size)).reshape(out.shape)).sum().backward()
    return [out.numpy(), *(t.grad for t in given), *(p.grad for p in attention.parameters())]
