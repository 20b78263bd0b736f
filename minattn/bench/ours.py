"""Each workload through minattn's public functions, on the backend in use."""

import math

import numpy as np

from .. import decoding as search
from ..autodiff import Tensor, no_grad, ops
from ..backends import asnumpy, capture, matmul_precision, on_device, use, xp
from ..nn import optim
from . import workloads
from .job import Job, host_seconds


def prepare(backend, precision="float32"):
    """Choose the backend of this process, and the precision of a GPU's matrix products."""
    use(backend)
    if precision != "float32":
        matmul_precision(precision)


def attention(workload):
    """out, dq, dk, dv of causal attention."""
    return _attention(workload, lambda q, k, v: ops.attention(q, k, v, window=(None, 0)))


def linear_attention(workload):
    """out, dq, dk, dv of causal linear attention without decay or feature map."""
    return _attention(workload, ops.linear_attention)


def _attention(workload, function):
    given = {name: xp.asarray(a) for name, a in workloads.arrays(workload).items()}

    def forward():
        with no_grad():
            return [function(*(Tensor(given[n]) for n in "qkv")).data]

    def both():
        leaves = [Tensor(given[n], requires_grad=True) for n in "qkv"]
        out = function(*leaves)
        out.backward(given["g"])
        return [out.data, *(leaf.grad for leaf in leaves)]

    return _job(both if workload.backward else forward)


def recurrent(workload):
    """out, dx and the gradient of every weight of an LSTM or GRU."""
    layer, given = workloads.model(workload), workloads.arrays(workload)
    x, g = xp.asarray(given["x"]), xp.asarray(given["g"])

    def step():
        layer.zero_grad()
        leaf = Tensor(x, requires_grad=True)
        out, _ = layer(leaf)
        out.backward(g)
        scan = layer.scans[0]
        return [out.data, leaf.grad, *(p.grad for p in (scan.w_x, scan.w_h, scan.b_x, scan.b_h))]

    return _job(step)


def training(workload):
    """A step of AdamW on the next batch; checked by three losses and the length of the first gradient.

    On a GPU the step is captured as one CUDA graph.
    """
    model = workloads.model(workload)
    optimiser = optim.AdamW(model.parameters(), lr=1e-3)
    batches = [xp.asarray(batch) for batch in workloads.arrays(workload)["ids"]]
    done = 0

    def learn(batch):
        optimiser.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        optimiser.step()
        return loss

    learn = capture(learn, optimiser) if on_device() else learn

    def step():
        nonlocal done
        done += 1
        return learn(batches[done % len(batches)])

    def check():
        losses = [step().item()]
        length = math.sqrt(sum(float(xp.vdot(p.grad, p.grad)) for p in model.parameters()))
        return [np.array([*losses, step().item(), step().item()]), np.array([length])]

    return Job(step, check, timed=_timer())


def decoding(workload):
    """T tokens, one by one, each read once; checked by the log-probabilities after T given ones."""
    model = workloads.model(workload).eval()
    t, given = workload.size["T"], workloads.arrays(workload)["ids"][0]

    def step():
        return search.greedy(model.stepper(), given[:, :1], end=None, max_len=t)

    def check():
        read = model.stepper()
        return [np.stack([read(given[:, : i + 1]) for i in range(t)]), np.array(step(), dtype=float)]

    return Job(step, check, per=t, timed=_timer())


def _job(step):
    return Job(step, lambda: [asnumpy(a) for a in step()], timed=_timer())


def _timer():
    return _event_seconds if on_device() else host_seconds


def _event_seconds(step):
    """How long the GPU works on a step, between two CUDA events."""
    start, end = xp.cuda.Event(), xp.cuda.Event()
    start.record()
    step()
    end.record()
    end.synchronize()
    return xp.cuda.get_elapsed_time(start, end) / 1e3
