import numpy as np


def bahdanau_scores(query, keys, w_q, w_k, v):
    """How well each encoder state fits the decoder state: additive attention (arXiv 1409.0473).

        e_s = v . tanh(query w_q + keys_s w_k)

    query    (B, n_query) the decoder state
    keys     (B, S, n_key) the encoder states
    w_q      (n_query, n),  w_k (n_key, n),  v (n,)
    Returns the scores (B, S), before softmax.

        >>> one = np.ones((1, 1))
        >>> bahdanau_scores(one, np.array([[[-1.0], [0.0]]]), one, one, np.ones(1)).round(3).tolist()
        [[0.0, 0.762]]
    """
    hidden = np.tanh((query @ w_q)[:, None, :] + keys @ w_k)  # (B, S, n)
    return hidden @ v
