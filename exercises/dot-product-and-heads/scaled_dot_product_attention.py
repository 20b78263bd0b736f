import numpy as np


def scaled_dot_product_attention(q, k, v, mask):
    """Attention of every query over all keys (arXiv 1706.03762, equation 1).

        out = softmax(q k^T / sqrt(d)) v      with the softmax over the keys that the mask allows

    q       (B, H, T, d)
    k       (B, H, S, d)
    v       (B, H, S, d_v)
    mask    boolean, broadcasts to (B, H, T, S), True = may attend
    Returns (B, H, T, d_v). A query that may attend nowhere gives zeros. Scores may be as large as 1e4.

        >>> q, k = np.array([[[[0.0]]]]), np.array([[[[1.0], [2.0], [3.0]]]])
        >>> v, mask = np.array([[[[2.0], [4.0], [9.0]]]]), np.array([True, True, False])
        >>> scaled_dot_product_attention(q, k, v, mask).tolist()
        [[[[3.0]]]]
    """
    raise NotImplementedError
