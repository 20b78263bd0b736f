import numpy as np


def local_p(h, states, mask, w_p, v_p, width):
    """Luong's local attention with a predicted centre (arXiv 1508.04025, equations 9 and 10), score dot.

        centre  = length * sigmoid(tanh(h w_p) . v_p)           length: how many places the mask allows
        align_s = softmax of h . states_s over the window: allowed places with |s - centre| <= width
        weights_s = align_s * exp(-(s - centre)^2 / (2 sigma^2)),   sigma = width / 2;   0 outside the window

    The weights are not rescaled, so a row sums to less than one. The centre stays a real number.

    h         (B, n) the decoder state
    states    (B, S, n) the encoder states
    mask      (B, S) boolean, True on the first places of a row, padding behind
    w_p       (n, n),  v_p (n,)
    width     the half width of the window in places
    Returns (centre (B,), weights (B, S)).

        >>> h, states, mask = np.zeros((1, 1)), np.ones((1, 5, 1)), np.arange(5)[None] < 4
        >>> centre, weights = local_p(h, states, mask, np.ones((1, 1)), np.ones(1), 1)
        >>> centre.tolist(), weights.round(3).tolist()
        ([2.0], [[0.0, 0.045, 0.333, 0.045, 0.0]])
    """
    length = mask.sum(axis=-1)
    centre = length * (1 + np.tanh(np.tanh(h @ w_p) @ v_p / 2)) / 2  # sigmoid(a) = (1 + tanh(a / 2)) / 2
    distance = np.arange(mask.shape[-1]) - centre[:, None]
    window = mask & (np.abs(distance) <= width)
    scores = np.where(window, np.einsum("bn,bsn->bs", h, states), -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
    total = e.sum(axis=-1, keepdims=True)
    align = e / np.where(total > 0, total, 1.0)
    sigma = 0.5 * width
    return centre, align * np.exp(-(distance**2) / (2 * sigma**2))
