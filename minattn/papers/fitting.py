"""How most rows train an arm: all the same but data, loss and the length of the warm-up."""

import numpy as np

from ..nn.optim import AdamW
from ..training import fit
from ..training.schedules import cosine


def fitted(arm, batch, loss, lr, seed, label, *, warmup, optimiser=AdamW):
    """A model of `arm`, trained for arm.steps steps and put into eval mode.

    batch, loss   as in `training.fit`; a learning rate that rises for `warmup` steps and falls as a cosine;
                  gradients no longer than 1
    optimiser     made with the parameters and lr
    """
    model = arm.build(np.random.default_rng(seed))
    fit(
        model,
        batch,
        loss,
        optimiser(model.parameters(), lr=lr),
        steps=arm.steps,
        schedule=cosine(arm.steps, warmup=warmup),
        clip=1.0,
        seed=seed,
        label=label,
    )
    return model.eval()
