import numpy as np
import pytest

from minattn import precision
from minattn.errors import ArgumentError, CheckpointError
from minattn.nn import Parameter
from minattn.nn.optim import SGD, Adam, AdamW, Optimiser, clip_grad_norm

MAKERS = {
    "sgd": lambda p: SGD(p, lr=0.1),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: Adam(p, lr=0.1, betas=(0.8, 0.9)),
    "adamw": lambda p: AdamW(p, lr=0.1, decay=0.2),
}


def steps_by_hand(name, w, gradients):
    """The textbook, one number at a time."""
    v = m = s = 0.0
    b1, b2 = (0.8, 0.9) if name == "adam" else (0.9, 0.999)
    for t, g in enumerate(gradients, start=1):
        if name == "sgd":
            w = w - 0.1 * g
        elif name == "momentum":
            v = 0.9 * v + g
            w = w - 0.1 * v
        else:
            m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g * g
            decay = 0.2 * w if name == "adamw" else 0.0
            w = w - 0.1 * (m / (1 - b1**t) / (np.sqrt(s / (1 - b2**t)) + 1e-8) + decay)
    return w


@pytest.mark.parametrize("name", MAKERS)
def test_steps_are_those_of_the_textbook(rng, name):
    with precision(64):
        start, gradients = rng.normal(size=(3, 5)), rng.normal(size=(7, 3, 5))
        parameter, still = Parameter(start), Parameter(np.ones(2))
        optimiser = MAKERS[name]([parameter, still])
        for g in gradients:
            parameter.grad = g.copy()
            optimiser.step()
    np.testing.assert_allclose(parameter.data, steps_by_hand(name, start, gradients), rtol=1e-12)
    assert still.data.tolist() == [1.0, 1.0], "a parameter without a gradient does not move, nor decay"
    assert parameter.dtype == np.float64 and optimiser.steps == 7


@pytest.mark.parametrize("name", MAKERS)
def test_float32_stays_float32(name):
    parameter = Parameter(np.ones(3))
    optimiser = MAKERS[name]([parameter])
    for _ in range(2):
        parameter.grad = np.ones(3, dtype=np.float32)
        optimiser.step()
    arrays = [parameter.data, *optimiser.state[0].values()]
    assert all(a.dtype == np.float32 for a in arrays)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_a_quadratic_is_minimised(name):
    target = np.array([1.0, -2.0, 3.0])
    w = Parameter(np.zeros(3))
    optimiser = MAKERS[name]([w])
    for _ in range(300):
        optimiser.zero_grad()
        ((w - target) * (w - target)).sum().backward()
        optimiser.step()
    np.testing.assert_allclose(w.data, target, atol=1e-2)


def test_decay_alone_shrinks_by_a_share_of_lr():
    w = Parameter(np.array([8.0]))
    optimiser = AdamW([w], lr=0.5, decay=1.0)
    w.grad = np.zeros(1, dtype=np.float32)
    optimiser.step()
    assert w.data.tolist() == [4.0]


def test_lr_may_change_between_steps():
    w = Parameter(np.zeros(1))
    optimiser = SGD([w], lr=1.0)
    for optimiser.lr in (1.0, 0.5, 0.25):
        w.grad = np.ones(1, dtype=np.float32)
        optimiser.step()
    assert w.data.tolist() == [-1.75]


def test_zero_grad_forgets():
    w = Parameter(np.ones(1))
    w.grad = np.ones(1)
    SGD([w], lr=1.0).zero_grad()
    assert w.grad is None


@pytest.mark.parametrize("name", MAKERS)
def test_a_stored_state_goes_on_to_the_same_bits(rng, name):
    gradients = rng.normal(size=(6, 3)).astype(np.float32)

    def run(optimiser, w, some):
        for g in some:
            w.grad = g
            optimiser.step()

    w = Parameter(np.ones(3))
    optimiser = MAKERS[name]([w])
    run(optimiser, w, gradients[:4])
    state, halfway = optimiser.state_dict(), w.data.copy()
    kept = {key: value.copy() for key, value in state.items()}
    optimiser.lr = 0.05
    run(optimiser, w, gradients[4:])

    for key, value in kept.items():
        np.testing.assert_array_equal(state[key], value, "a state dict is a copy")
    again = Parameter(halfway)
    resumed = MAKERS[name]([again])
    resumed.lr = 9.0
    resumed.load_state_dict(state)
    assert resumed.lr == 0.1 and resumed.steps == 4
    resumed.lr = 0.05
    run(resumed, again, gradients[4:])
    np.testing.assert_array_equal(again.data, w.data)


def test_the_state_of_another_optimiser_is_refused():
    w, v = Parameter(np.ones(3)), Parameter(np.ones(2))
    adam = Adam([w], lr=0.1)
    for other in (SGD([w], lr=0.1), Adam([v], lr=0.1), Adam([w, v], lr=0.1)):
        with pytest.raises(CheckpointError, match="missing, unknown or of another shape"):
            adam.load_state_dict(other.state_dict())
    with pytest.raises(CheckpointError, match="lr"):
        adam.load_state_dict({key: a for key, a in adam.state_dict().items() if key != "lr"})
    assert adam.steps == 0 and not adam.state[0]["mean"].any()


@pytest.mark.parametrize("max_norm, factor", [(26.0, 1.0), (6.5, 0.5)])
def test_clipping_scales_all_gradients_together(max_norm, factor):
    w, v, still = Parameter(np.zeros(2)), Parameter(np.zeros((1, 1))), Parameter(np.zeros(5))
    w.grad, v.grad = np.array([3.0, 4.0]), np.array([[12.0]])
    assert clip_grad_norm(iter([w, v, still]), max_norm) == 13.0
    assert w.grad.tolist() == [3 * factor, 4 * factor] and v.grad.tolist() == [[12 * factor]]
    assert still.grad is None


def test_nothing_to_clip_has_length_zero():
    assert clip_grad_norm([Parameter(np.ones(2))], 1.0) == 0.0


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda p: SGD([], lr=0.1), "at least one parameter"),
        (lambda p: SGD(p, lr=-0.1), "lr >= 0"),
        (lambda p: Adam(p, lr=float("nan")), "lr >= 0"),
        (lambda p: SGD(p, lr=0.1, momentum=1.0), "0 <= momentum < 1"),
        (lambda p: Adam(p, lr=0.1, betas=(0.9, 1.0)), r"two numbers in \[0, 1\)"),
        (lambda p: AdamW(p, lr=0.1, decay=-1), "decay >= 0"),
        (lambda p: clip_grad_norm(p, 0.0), "max_norm > 0"),
    ],
)
def test_settings_that_do_not_fit(make, word):
    with pytest.raises(ArgumentError, match=word):
        make([Parameter(np.ones(2))])


def test_update_must_be_written():
    w = Parameter(np.ones(2))
    w.grad = np.ones(2)
    with pytest.raises(NotImplementedError):
        Optimiser([w], 0.1).step()
