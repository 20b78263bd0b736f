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
    raise NotImplementedError
