"""Which heads matter: what the loss would feel of each switch, and what happens when it is really turned."""

import numpy as np

from ..autodiff import Tensor
from ..errors import ArgumentError, ShapeError
from .gates import gate_heads


def head_importance(model, batch, losses, *, normalise=True):
    """I_h = mean over examples x of |dL(x) / dxi_h|, for every head, with one pass forward and one back.

    dL/dxi_h is the sum of (what head h gathered) * (gradient there): how the loss would change if the head's
    switch moved. The size is taken example by example, before the mean: else signs would cancel.

    batch      {name: array}, examples (B, ..) along the first axis
    losses     (model, batch) -> Tensor (B,), the loss of each example
    normalise  divide the scores of an attention by their length, so that layers can be compared
    Returns {path of the attention: (H,)}. Dropout is off meanwhile. The model keeps its gates (`gate_heads`)
    with switches as they were; the gradients of its parameters are cleared.
    Source: arXiv 1905.10650, equation 3 and section 4.1; arXiv 1611.06440, section 2.2 (the length).
    """
    n = {len(array) for array in batch.values()}
    if len(n) != 1:
        raise ArgumentError(
            "head_importance", expected="arrays with one number of examples", got=sorted(n), hint="slice all"
        )
    (n,), gates, training = n, gate_heads(model), model.training
    before = {path: gate.xi for path, gate in gates.items()}
    for gate in gates.values():
        gate.xi = Tensor(np.broadcast_to(gate.xi.numpy(), (n, gate.n_groups)).copy(), requires_grad=True)
    model.eval()
    try:
        each = losses(model, batch)
        if each.shape != (n,):
            raise ShapeError("head_importance", expected=f"losses ({n},)", got=each.shape, hint="no mean")
        each.sum().backward()
        felt = {path: _felt(gate.xi) for path, gate in gates.items()}
    finally:
        for path, gate in gates.items():
            gate.xi = before[path]
        model.zero_grad()
        model.train(training)
    return {path: _unit(scores) for path, scores in felt.items()} if normalise else felt


def ablate(gates, score):
    """{path: (H,)} score() with each head switched off alone. Source: arXiv 1905.10650, section 3.2."""
    return _one_by_one(gates, score, lambda n, h: np.arange(n) != h)


def alone(gates, score):
    """{path: (H,)} score() with each head as the only one of its attention.

    Source: arXiv 1905.10650, section 3.3.
    """
    return _one_by_one(gates, score, lambda n, h: np.arange(n) == h)


def _one_by_one(gates, score, pattern):
    results = {}
    for path, gate in gates.items():
        before = gate.xi
        try:
            results[path] = np.zeros(gate.n_groups)
            for h in range(gate.n_groups):
                gate.xi = Tensor(before.numpy() * pattern(gate.n_groups, h))
                results[path][h] = score()
        finally:
            gate.xi = before
    return results


def _felt(xi):
    """Mean size of the gradient; an attention that the loss does not reach has none."""
    grad = Tensor(np.zeros(xi.shape) if xi.grad is None else xi.grad).numpy()
    return np.abs(grad).mean(axis=0)


def _unit(scores):
    length = np.linalg.norm(scores)
    return scores / length if length else scores
