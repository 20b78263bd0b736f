"""What happened while training, step by step."""

import numpy as np


class History:
    """One number a step of each kind.

    losses   the loss of the batch
    norms    length of the whole gradient before clipping
    lr       learning rate
    seconds  time of the step, on this machine

    >>> history = History()
    >>> history.add(loss=0.5, norm=1.0, lr=0.01, seconds=0.1)
    >>> history.steps, history.losses
    (1, [0.5])
    """

    names = ("losses", "norms", "lr", "seconds")

    def __init__(self):
        self.losses, self.norms, self.lr, self.seconds = [], [], [], []

    def add(self, *, loss, norm, lr, seconds):
        """Append one step."""
        for values, value in zip((self.losses, self.norms, self.lr, self.seconds), (loss, norm, lr, seconds)):
            values.append(float(value))

    @property
    def steps(self):
        """How many steps are recorded."""
        return len(self.losses)

    def recent(self, steps=20):
        """Mean loss of the last `steps` steps, nan before the first."""
        return float(np.mean(self.losses[-steps:])) if self.losses else float("nan")

    def smooth(self, steps=20):
        """Running mean of the losses over up to `steps` steps, an array as long as the history."""
        sums = np.cumsum([0.0, *self.losses])
        ends = np.arange(1, self.steps + 1)
        starts = np.maximum(ends - steps, 0)
        return (sums[ends] - sums[starts]) / (ends - starts)

    def plot(self, ax, label=None):
        """Draw the loss of each step, pale, and its running mean; returns ax."""
        (line,) = ax.plot(np.arange(1, self.steps + 1), self.losses, alpha=0.25, linewidth=0.8)
        ax.plot(np.arange(1, self.steps + 1), self.smooth(), color=line.get_color(), label=label)
        ax.set_xlabel("step")
        ax.set_ylabel("loss")
        return ax

    def arrays(self):
        """{name: float64 array}, exact: what a checkpoint keeps."""
        return {name: np.array(getattr(self, name), dtype=np.float64) for name in self.names}

    @classmethod
    def from_arrays(cls, arrays):
        """The history whose `arrays` these are."""
        history = cls()
        for name in cls.names:
            setattr(history, name, arrays[name].tolist())
        return history

    def __repr__(self):
        return f"History({self.steps} steps, loss {self.recent():.4f})"
