"""The plain recurrent network on a GPU: h' = act(a), a = W_x x + b_x + W_h h + b_h; see scan.py.

With part = dL/dh': dL/da = part (1 - h'^2) for tanh, part [h' > 0] for relu. A step that is padding keeps h:
its part passes unchanged, and dL/da is 0.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..scan import argument_gradients, input_shares, is_cut, scan_order, time_order
from ..scan_rnn import _rnn
from .common import HELPERS, a_thread_an_element, covered, dense
from .scan import SCAN, bias_or_zeros, live_rows, steps_from

SOURCE = (
    HELPERS
    + SCAN
    + r"""
// share = W_x x + b_x and own = W_h h, (rows, size); next is h'.
extern "C" __global__ void rnn_forward(const float* share, const float* own, const float* bias,
                                       const float* h, const bool* live, int relu, int n, int size,
                                       float* next)
{
    ENTER_UNIT
    float a = share[i] + own[i] + bias[i % size];
    next[i] = !live[row] ? h[i] : relu ? fmaxf(a, 0.0f) : tanhf(a);
}

// kept and back add up to what the later steps want of h'; kept becomes what goes on to h beside W_h.
extern "C" __global__ void rnn_backward(const float* g, const float* next, const bool* live,
                                        const float* back, int relu, int n, int size, float* kept,
                                        float* d_share)
{
    ENTER_UNIT
    float part = g[i] + kept[i] + back[i];
    float slope = relu ? (next[i] > 0 ? 1.0f : 0.0f) : 1 - next[i] * next[i];
    kept[i] = live[row] ? 0.0f : part;
    d_share[i] = live[row] ? part * slope : 0.0f;
}
"""
)
forward, backward = raw_kernel(SOURCE, "rnn_forward"), raw_kernel(SOURCE, "rnn_backward")


@_rnn.kernel("cupy")
def _(x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    if not covered(x, w_x, w_h, h0):
        return Declined("an array is empty or not float32")
    shares, live = input_shares(x, w_x, b_x, reverse), live_rows(valid, x, reverse)
    states, w, bias = steps_from(h0, len(shares)), dense(w_h.T), bias_or_zeros(b_h, w_h)
    relu = int(activation == "relu")
    for t, share in enumerate(shares):
        given = share, xp.matmul(states[t], w), bias, states[t], live[t], relu, h0.size, h0.shape[1]
        forward(*a_thread_an_element(h0.size), *given, states[t + 1])
    return xp.ascontiguousarray(time_order(states[1:], reverse)), states


@_rnn.vjp_kernel("cupy")
def _(g, out, states, x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    if is_cut(truncate, x.shape[1]):
        return Declined("the gradient is cut after some steps")
    g, live, w = dense(scan_order(g, reverse)), live_rows(valid, x, reverse), dense(w_h)
    d_shares, relu = xp.empty(g.shape, dtype=g.dtype), int(activation == "relu")
    kept, back = xp.zeros(h0.shape, dtype=g.dtype), xp.zeros(h0.shape, dtype=g.dtype)
    for t in reversed(range(len(g))):
        given = g[t], states[t + 1], live[t], back, relu, h0.size, h0.shape[1]
        backward(*a_thread_an_element(h0.size), *given, kept, d_shares[t])
        back = xp.matmul(d_shares[t], w)
    parts = argument_gradients(d_shares, d_shares, states[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, kept + back, None
