"""The gated recurrent unit on a GPU; see scan.py. With a = W_x x + b_x and s = W_h h + b_h, three gates each:

    r, z = sigmoid(a + s)     n = tanh(a_n + r s_n)     h' = (1 - z) n + z h = n + z (h - n)

With part = dL/dh': dL/da_n = part (1 - z) (1 - n^2) =: dn, dL/dr before the sigmoid = dn s_n r (1 - r),
dL/dz before it = part (h - n) z (1 - z). s_n sees dn r, h sees part z and what comes back through W_h.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..scan import argument_gradients, input_shares, is_cut, scan_order, time_order
from ..scan_gru import _gru
from .common import HELPERS, a_thread_an_element, covered, dense
from .scan import SCAN, bias_or_zeros, live_rows, steps_from

SOURCE = (
    HELPERS
    + SCAN
    + r"""
// gates (rows, 3 size) come as a and leave as r, z, n; own = W_h h; shared becomes s_n.
extern "C" __global__ void gru_forward(const float* own, const float* bias, const float* h, const bool* live,
                                       int n, int size, float* gates, float* shared, float* next)
{
    ENTER_UNIT
    gates += row * 3 * size, own += row * 3 * size;
    int j = i % size, z_at = size + j, n_at = 2 * size + j;
    float r = sigmoid(gates[j] + own[j] + bias[j]);
    float z = sigmoid(gates[z_at] + own[z_at] + bias[z_at]);
    float s = own[n_at] + bias[n_at], fresh = tanhf(gates[n_at] + r * s);
    gates[j] = r, gates[z_at] = z, gates[n_at] = fresh, shared[i] = s;
    next[i] = live[row] ? fresh + z * (h[i] - fresh) : h[i];
}

// kept and back add up to what the later steps want of h'; kept becomes what goes on to h beside W_h.
extern "C" __global__ void gru_backward(const float* g, const float* gates, const float* shared,
                                        const float* h, const bool* live, const float* back, int n, int size,
                                        float* kept, float* d_inputs, float* d_states)
{
    ENTER_UNIT
    gates += row * 3 * size, d_inputs += row * 3 * size, d_states += row * 3 * size;
    int j = i % size, z_at = size + j, n_at = 2 * size + j;
    float r = gates[j], z = gates[z_at], fresh = gates[n_at];
    float part = g[i] + kept[i] + back[i], moving = live[row] ? part : 0.0f;
    float dn = moving * (1 - z) * (1 - fresh * fresh);
    d_inputs[j] = d_states[j] = dn * shared[i] * r * (1 - r);
    d_inputs[z_at] = d_states[z_at] = moving * (h[i] - fresh) * z * (1 - z);
    d_inputs[n_at] = dn, d_states[n_at] = dn * r;
    kept[i] = live[row] ? part * z : part;
}
"""
)
forward, backward = raw_kernel(SOURCE, "gru_forward"), raw_kernel(SOURCE, "gru_backward")


@_gru.kernel("cupy")
def _(x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    if not covered(x, w_x, w_h, h0):
        return Declined("an array is empty or not float32")
    gates, live = input_shares(x, w_x, b_x, reverse), live_rows(valid, x, reverse)
    states, w, bias = steps_from(h0, len(gates)), dense(w_h.T), bias_or_zeros(b_h, w_h)
    shared = xp.empty(states[1:].shape, dtype=h0.dtype)
    for t in range(len(gates)):
        given = xp.matmul(states[t], w), bias, states[t], live[t], h0.size, h0.shape[1]
        forward(*a_thread_an_element(h0.size), *given, gates[t], shared[t], states[t + 1])
    return xp.ascontiguousarray(time_order(states[1:], reverse)), (states, gates, shared)


@_gru.vjp_kernel("cupy")
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    if is_cut(truncate, x.shape[1]):
        return Declined("the gradient is cut after some steps")
    states, gates, shared = saved
    g, live, w = dense(scan_order(g, reverse)), live_rows(valid, x, reverse), dense(w_h)
    d_inputs, d_states = xp.empty_like(gates), xp.empty_like(gates)
    kept, back = xp.zeros(h0.shape, dtype=g.dtype), xp.zeros(h0.shape, dtype=g.dtype)
    for t in reversed(range(len(g))):
        given = g[t], gates[t], shared[t], states[t], live[t], back, h0.size, h0.shape[1]
        backward(*a_thread_an_element(h0.size), *given, kept, d_inputs[t], d_states[t])
        back = xp.matmul(d_states[t], w)
    parts = argument_gradients(d_inputs, d_states, states[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, kept + back, None
