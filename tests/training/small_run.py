"""A run that is small but has all that a checkpoint must keep: Adam, dropout, a schedule, clipping."""

import sys

import numpy as np

from minattn.autodiff import ops
from minattn.nn import Dropout, Linear, Module, optim
from minattn.training import fit, schedules

STEPS = 41


class Net(Module):
    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.w_1, self.w_2 = Linear(3, 5, rng=rng), Linear(5, 2, rng=rng)
        self.drop = [Dropout(0.3, rng=np.random.default_rng(7)), Dropout(0.1, rng=rng)]

    def forward(self, x):
        return self.w_2(self.drop[1](ops.tanh(self.w_1(self.drop[0](x)))))


def batch(rng):
    x = rng.normal(size=(11, 3))
    return {"x": x, "y": x[:, :2] - x[:, 1:]}


def loss(model, batch):
    return ops.mse(model(batch["x"]), batch["y"])


def make(seed=0):
    model = Net(seed)
    return model, optim.Adam(model.parameters(), lr=0.02)


def train(model, optimiser, *, batch=batch, steps=STEPS, **options):
    given = {"schedule": schedules.cosine(STEPS, warmup=5), "clip": 1.0, "progress": False, **options}
    return fit(model, batch, loss, optimiser, steps=steps, **given)


def same(one, two):
    return all(np.array_equal(a, two.state_dict()[name]) for name, a in one.state_dict().items())


if __name__ == "__main__":  # train and say each step, to be killed at any of them

    def slow(rng):
        print("step", flush=True)
        sys.stdin.readline()
        return batch(rng)

    train(*make(), batch=slow, checkpoint=sys.argv[1], every=3)
