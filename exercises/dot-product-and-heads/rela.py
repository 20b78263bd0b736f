import numpy as np


def rela(q, k, v, mask, w, eps):
    """Rectified linear attention: no softmax, a norm on the output instead (arXiv 2104.07012).

        a = max(q k^T / sqrt(d), 0) where the mask allows, else 0          rows need not sum to one
        z = a v
        out = sigmoid(w * z) * z / sqrt(mean(z^2) + eps)                   mean over the last axis

    A query whose scores are all negative attends to nothing: z = 0, and its output is 0.

    q       (B, H, T, d),  k and v (B, H, S, d)
    mask    boolean, broadcasts to (B, H, T, S), True = may attend
    w       (d,) weights of the gate
    eps     a small number inside the root
    Returns (B, H, T, d).

        >>> q, k = np.array([[[[1.0], [-1.0]]]]), np.array([[[[3.0]]]])
        >>> rela(q, k, np.array([[[[1.0]]]]), np.array([True]), np.zeros(1), 1e-30).tolist()
        [[[[0.5], [0.0]]]]
    """
    raise NotImplementedError
