"""Long short-term memory on a GPU; see scan.py. With a = W_x x + b_x + W_h h + b_h, four gates:

    i, f, o = sigmoid(a)     n = tanh(a)     c' = f c + i n     h' = o tanh(c')

With from_h = dL/dh' and from_c = dL/dc' + from_h o (1 - tanh(c')^2), before the activations: di = from_c n i
(1 - i), df = from_c c f (1 - f), dn = from_c i (1 - n^2), do = from_h tanh(c') o (1 - o). c sees from_c f;
h sees what comes back through W_h.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..scan import argument_gradients, input_shares, is_cut, scan_order
from ..scan_lstm import _lstm, _side_by_side
from .common import HELPERS, a_thread_an_element, covered, dense
from .scan import SCAN, bias_or_zeros, live_rows, steps_from

SOURCE = (
    HELPERS
    + SCAN
    + r"""
// gates (rows, 4 size) come as W_x x + b_x and leave as i, f, n, o; own = W_h h.
extern "C" __global__ void lstm_forward(const float* own, const float* bias, const float* h, const float* c,
                                        const bool* live, int n, int size, float* gates, float* next_h,
                                        float* next_c)
{
    ENTER_UNIT
    gates += row * 4 * size, own += row * 4 * size;
    float all[4];
    for (int part = 0; part < 4; part++) {
        int at = part * size + i % size;
        float a = gates[at] + own[at] + bias[at];
        gates[at] = all[part] = part == 2 ? tanhf(a) : sigmoid(a);
    }
    float now = all[1] * c[i] + all[0] * all[2];
    next_c[i] = live[row] ? now : c[i];
    next_h[i] = live[row] ? all[3] * tanhf(now) : h[i];
}

// kept and back add up to what the later steps want of h', d_c is what they want of c'; both go on.
extern "C" __global__ void lstm_backward(const float* g_h, const float* g_c, const float* gates,
                                         const float* c, const float* next_c, const bool* live,
                                         const float* back, int n, int size, float* kept, float* d_c,
                                         float* d_gates)
{
    ENTER_UNIT
    gates += row * 4 * size + i % size, d_gates += row * 4 * size + i % size;
    float in = gates[0], forget = gates[size], fresh = gates[2 * size], out = gates[3 * size];
    float from_h = g_h[i] + kept[i] + back[i], from_c = g_c[i] + d_c[i], squashed = tanhf(next_c[i]);
    bool counts = live[row];
    kept[i] = counts ? 0.0f : from_h;
    from_c += counts ? from_h * out * (1 - squashed * squashed) : 0.0f;
    d_c[i] = counts ? from_c * forget : from_c;
    d_gates[0] = counts ? from_c * fresh * in * (1 - in) : 0.0f;
    d_gates[size] = counts ? from_c * c[i] * forget * (1 - forget) : 0.0f;
    d_gates[2 * size] = counts ? from_c * in * (1 - fresh * fresh) : 0.0f;
    d_gates[3 * size] = counts ? from_h * squashed * out * (1 - out) : 0.0f;
}
"""
)
forward, backward = raw_kernel(SOURCE, "lstm_forward"), raw_kernel(SOURCE, "lstm_backward")


@_lstm.kernel("cupy")
def _(x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    if not covered(x, w_x, w_h, h0, c0):
        return Declined("an array is empty or not float32")
    gates, live = input_shares(x, w_x, b_x, reverse), live_rows(valid, x, reverse)
    h, c = steps_from(h0, len(gates)), steps_from(c0, len(gates))
    w, bias = dense(w_h.T), bias_or_zeros(b_h, w_h)
    for t in range(len(gates)):
        given = xp.matmul(h[t], w), bias, h[t], c[t], live[t], h0.size, h0.shape[1]
        forward(*a_thread_an_element(h0.size), *given, gates[t], h[t + 1], c[t + 1])
    return _side_by_side(h, c, reverse), (h, c, gates)


@_lstm.vjp_kernel("cupy")
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    if is_cut(truncate, x.shape[1]):
        return Declined("the gradient is cut after some steps")
    h, c, gates = saved
    g_h, g_c = dense(scan_order(g[0], reverse)), dense(scan_order(g[1], reverse))
    live, w, d_gates = live_rows(valid, x, reverse), dense(w_h), xp.empty_like(gates)
    kept, back, d_c = (xp.zeros(h0.shape, dtype=g.dtype) for _ in range(3))
    for t in reversed(range(len(g_h))):
        given = g_h[t], g_c[t], gates[t], c[t], c[t + 1], live[t], back, h0.size, h0.shape[1]
        backward(*a_thread_an_element(h0.size), *given, kept, d_c, d_gates[t])
        back = xp.matmul(d_gates[t], w)
    parts = argument_gradients(d_gates, d_gates, h[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, kept + back, d_c, None
