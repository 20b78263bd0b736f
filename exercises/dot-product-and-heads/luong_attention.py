import numpy as np


def luong_attention(h, states, mask, w_a, w_c, score):
    """Luong's global attention: weights, context, attentional state (arXiv 1508.04025, equations 5 and 7).

        score "dot":      e_s = h . states_s
        score "general":  e_s = (h w_a) . states_s
        weights = softmax of e over the allowed places;  c = sum_s weights_s states_s
        h_tilde = tanh([c ; h] w_c)

    h         (B, n) the decoder state of this step
    states    (B, S, n) the encoder states
    mask      (B, S) boolean, True = may attend; every row allows at least one place
    w_a       (n, n),  w_c (2 n, n)
    score     "dot" or "general"
    Returns (h_tilde (B, n), weights (B, S)). Scores may be as large as 1e4.

        >>> h, states, mask = np.zeros((1, 1)), np.ones((1, 3, 1)), np.array([[True, True, False]])
        >>> w_a, w_c = np.ones((1, 1)), np.array([[0.0], [1.0]])
        >>> h_tilde, weights = luong_attention(h, states, mask, w_a, w_c, "dot")
        >>> h_tilde.tolist(), weights.tolist()
        ([[0.0]], [[0.5, 0.5, 0.0]])
    """
    raise NotImplementedError
