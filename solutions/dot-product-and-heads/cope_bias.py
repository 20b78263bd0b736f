import numpy as np


def cope_bias(q, k, e):
    """Contextual position encoding: positions that count only what matters (arXiv 2405.18719).

        g_ij = sigmoid(q_i . k_j / sqrt(d)) for j <= i, else 0      does key j count for query i?
        p_ij = sum of g_it over t from j to i                       a real number, at most i - j + 1
        p_ij is clamped to P - 1
        z_i  = q_i e^T                                              one number for each whole position
        bias_ij = (1 - f) z_i[floor p_ij] + f z_i[ceil p_ij],   f = p_ij - floor p_ij

    q, k    (B, H, T, d)
    e       (P, d) embeddings of the positions 0 to P - 1
    Returns the bias (B, H, T, T), to be added to the scores; 0 for the keys of the future, j > i.

        >>> q, k, e = np.ones((1, 1, 2, 1)), np.zeros((1, 1, 2, 1)), np.array([[0.0], [10.0], [30.0]])
        >>> cope_bias(q, k, e).tolist()
        [[[[5.0, 0.0], [10.0, 5.0]]]]
    """
    n_steps, d = q.shape[-2:]
    causal = np.tril(np.ones((n_steps, n_steps), dtype=bool))
    logits = q @ k.swapaxes(-1, -2) / np.sqrt(d)
    gates = np.where(causal, (1 + np.tanh(logits / 2)) / 2, 0.0)
    p = np.flip(np.cumsum(np.flip(gates, axis=-1), axis=-1), axis=-1)  # sums from key j to the right
    p = np.minimum(p, e.shape[0] - 1)
    low, high = np.floor(p).astype(int), np.ceil(p).astype(int)
    z = q @ e.T  # (B, H, T, P): interpolate these numbers, not the embeddings
    z_low, z_high = np.take_along_axis(z, low, axis=-1), np.take_along_axis(z, high, axis=-1)
    part = p - low
    return np.where(causal, (1 - part) * z_low + part * z_high, 0.0)
