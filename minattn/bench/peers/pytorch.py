"""PyTorch: eager, through torch.compile, and on a GPU. Its models are in torch_gpt.py."""

import torch
from torch.nn import functional as F

from .. import workloads
from ..job import Job, host_seconds
from . import torch_gpt

how = {"device": "cpu", "compile": False, "precision": "float32"}
CHUNK = 64  # tokens of a piece of linear attention: as fast as 128; 32 and 256 are slower


def prepare(**options):
    """Settings of this process; precision is "float32", "tf32" (matrix products) or "bf16"."""
    how.update(options)
    torch.set_float32_matmul_precision("high" if how["precision"] == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = how["precision"] == "tf32"
    torch.set_num_threads(torch.get_num_threads())  # now, and not at the first product


def attention(workload):
    """Its fused attention."""
    return _attention(workload, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True))


def linear_attention(workload):
    """Causal linear attention in pieces: what came before a piece is one matrix, inside it all pairs."""
    mask = torch.ones(CHUNK, CHUNK, device=how["device"]).tril().to(_dtype())

    def function(q, k, v):
        q, k, v = (a.unflatten(2, (-1, CHUNK)) for a in (q, k, v))
        each = k.transpose(-1, -2) @ v
        before = each.cumsum(2) - each
        return (q @ before + ((q @ k.transpose(-1, -2)) * mask) @ v).flatten(2, 3)

    return _attention(workload, function)


def _attention(workload, function):
    given = {name: _tensor(a).to(_dtype()) for name, a in workloads.arrays(workload).items()}
    function = _compiled(function)

    def forward():
        with torch.inference_mode():
            return [function(*(given[n] for n in "qkv"))]

    def both():
        leaves = [given[n].detach().requires_grad_() for n in "qkv"]
        out = function(*leaves)
        out.backward(given["g"])
        return [out, *(leaf.grad for leaf in leaves)]

    return _job(both if workload.backward else forward)


def recurrent(workload):
    """Its own LSTM or GRU, batch first."""
    n, cell = workload.size["n"], torch.nn.LSTM if workload.size["gates"] == 4 else torch.nn.GRU
    layer, kept = cell(n, n, batch_first=True).to(how["device"]), workloads.weights(workload)
    mine = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0]
    with torch.no_grad():
        for parameter, name in zip(mine, ("w_x", "w_h", "b_x", "b_h")):
            parameter.copy_(_tensor(kept[f"scans.0.{name}"]))
    x, g = (_tensor(a) for a in workloads.arrays(workload).values())

    def step():
        layer.zero_grad(set_to_none=True)
        leaf = x.detach().requires_grad_()
        with _lower():
            out, _ = layer(leaf)
        out.backward(g.to(out.dtype))
        return [out, leaf.grad, *(p.grad for p in mine)]

    return _job(step)


def training(workload):
    """A step with the fused AdamW."""
    model = _gpt(workload)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    batches = [_tensor(ids) for ids in workloads.arrays(workload)["ids"]]
    loss_of, done = _compiled(model.loss), 0

    def step():
        nonlocal done
        done += 1
        batch = batches[done % len(batches)]
        optimiser.zero_grad(set_to_none=True)
        with _lower():
            loss = loss_of(batch)
        loss.backward()
        optimiser.step()
        return loss

    def check():
        losses = [step().detach()]
        length = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in model.parameters()]))
        losses += [step().detach(), step().detach()]
        return [torch.stack(losses).cpu().numpy(), length.cpu().numpy()[None]]

    return Job(step, check, timed=_timer())


def decoding(workload):
    """Token by token, with room for all keys and values made before; compiled: one graph a token."""
    model = _gpt(workload).eval()
    t, given = workload.size["T"], _tensor(workloads.arrays(workload)["ids"][0])
    read = _compiled(model.next_token, fullgraph=True)

    @torch.inference_mode()
    def log_probs(ids):
        """Log-probabilities after each of T tokens; ids=None: the most probable token goes in next."""
        cache, token, found, said = model.empty_cache(), given[:, 0], [], []
        for place in range(t):
            found.append(read(token, model.places[place : place + 1], cache))
            said.append(found[-1].argmax(-1))
            token = said[-1] if ids is None else ids[:, place + 1]
        return torch.stack(found), torch.stack(said, 1)

    def step():
        return log_probs(None)[1].tolist()

    return Job(step, lambda: [log_probs(given)[0].cpu().numpy(), _float(log_probs(None)[1])], t, _timer())


def _gpt(workload):
    weights = workloads.weights(workload)
    return torch_gpt.GPT(workload.size, weights, real=how["compile"]).to(how["device"])


def _tensor(array):
    return torch.from_numpy(array).to(how["device"])


def _dtype():
    return torch.bfloat16 if how["precision"] == "bf16" else torch.float32


def _lower():
    return torch.autocast(how["device"], torch.bfloat16, enabled=how["precision"] == "bf16")


def _compiled(function, **options):
    if how["device"] == "cuda":
        options["mode"] = "reduce-overhead"  # one CUDA graph
    return torch.compile(function, **options) if how["compile"] else function


def _float(tensor):
    return tensor.detach().float().cpu().numpy()


def _job(step):
    return Job(step, lambda: [_float(a) for a in step()], timed=_timer())


def _timer():
    return _event_seconds if how["device"] == "cuda" else host_seconds


def _event_seconds(step):
    """How long the GPU works on a step, between two CUDA events."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    step()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3
