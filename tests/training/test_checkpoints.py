import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_run
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from small_run import STEPS, Net, batch, make, same, train

from minattn.errors import CheckpointError, OutputError
from minattn.nn import optim
from minattn.training import checkpoints, load_model


class Killed(Exception):
    pass


def killed_at(step, error):
    """A `batch` that raises `error` when it is called for the `step`-th time."""
    calls = iter(range(step))

    def draw(rng):
        drawn = batch(rng)  # the generator has moved when the end comes
        if next(calls, None) is None:
            raise error
        return drawn

    return draw


WHOLE, WHOLE_OPTIMISER = make()
HISTORY = train(WHOLE, WHOLE_OPTIMISER)


@settings(max_examples=12, deadline=None)
@given(step=st.integers(0, STEPS - 1), every=st.integers(1, 17), interrupt=st.booleans())
def test_a_run_stopped_at_any_step_ends_with_the_same_bits(tmp_path_factory, step, every, interrupt):
    path = tmp_path_factory.mktemp("run") / "toy.safetensors"
    error = KeyboardInterrupt() if interrupt else Killed()
    with pytest.raises(type(error)):
        train(*make(), batch=killed_at(step, error), checkpoint=path, every=every)
    if interrupt:
        assert (
            checkpoints.load(path, *make(), rngs=checkpoints.generators(make()[0], np.random.default_rng()))[
                0
            ]
            == step
        )
    model, optimiser = make(seed=3)  # nothing of the new start may survive where a file is there
    if not path.exists():
        model, optimiser = make()
    history = train(model, optimiser, checkpoint=path, every=every)
    assert same(model, WHOLE) and history.losses == HISTORY.losses and history.norms == HISTORY.norms
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("lines", [2, 23])
def test_a_process_that_is_killed_ends_with_the_same_bits(tmp_path, lines):
    path = tmp_path / "toy.safetensors"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(
        [sys.executable, small_run.__file__, path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    for _ in range(lines):
        assert process.stdout.readline() == "step\n"
        process.stdin.write("\n")
        process.stdin.flush()
    process.kill()
    process.communicate()
    model, optimiser = make()
    train(model, optimiser, checkpoint=path, every=3)
    assert same(model, WHOLE)


def test_a_finished_run_is_only_read(tmp_path):
    path = tmp_path / "toy.safetensors"
    train(*make(), checkpoint=path)
    written = path.stat().st_mtime_ns
    model, optimiser = make(seed=3)
    history = train(model, optimiser, checkpoint=path)
    assert same(model, WHOLE) and history.losses == HISTORY.losses and path.stat().st_mtime_ns == written


def test_load_model_takes_the_parameters_alone(tmp_path):
    path = tmp_path / "toy.safetensors"
    train(*make(), checkpoint=path)
    assert same(load_model(path, Net(seed=3)), WHOLE)


def test_a_generator_shared_by_modules_stays_shared():
    model = Net()
    rngs = checkpoints.generators(model, rng := np.random.default_rng(0))
    assert rngs == [rng, model.drop[0].rng, model.drop[1].rng]
    model.drop[0].rng = rng
    assert checkpoints.generators(model, rng) == [rng, model.drop[1].rng]


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_every_kind_of_generator_goes_on_where_it_was(tmp_path, kind):
    rng, path = np.random.Generator(kind(5)), tmp_path / "x.safetensors"
    rng.normal(size=3)
    checkpoints.save(path, model := Net(), rngs=[rng])
    wanted = rng.normal(size=5)
    other = np.random.Generator(kind(6))
    checkpoints.load(path, model, rngs=[other])
    assert np.array_equal(other.normal(size=5), wanted)


def saved(tmp_path):
    path = tmp_path / "toy.safetensors"
    train(*make(), checkpoint=path)
    return path


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    model, optimiser = make()
    with pytest.raises(CheckpointError, match="toy.safetensors"):
        train(model, optimiser, checkpoint=path)
    assert same(model, make()[0])


def test_noise_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "toy.safetensors"
    path.write_bytes(np.random.default_rng(0).bytes(997))
    with pytest.raises(CheckpointError, match="safetensors"):
        load_model(path, Net())
    save_file({"w": np.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="another program"):
        load_model(path, Net())
    with pytest.raises(CheckpointError, match="no file"):
        load_model(tmp_path / "absent", Net())
    with pytest.raises(CheckpointError, match="no file"):
        load_model(tmp_path, Net())


def test_a_file_of_another_run_is_refused(tmp_path):
    path = saved(tmp_path)
    for changes, word in (({"seed": 3}, "seed 3"), ({"clip": 2.0}, "clip 2.0"), ({"steps": 43}, "steps 43")):
        model, optimiser = make()
        with pytest.raises(CheckpointError, match=word):
            train(model, optimiser, checkpoint=path, **changes)
        assert same(model, make()[0])
    model = Net()
    with pytest.raises(CheckpointError, match="Adam"):
        train(model, optim.SGD(model.parameters(), lr=0.02), checkpoint=path)


def test_a_file_of_another_model_is_refused_and_nothing_changes(tmp_path):
    path = saved(tmp_path)
    model, _ = make()
    model.w_2 = model.w_1
    before = model.state_dict()
    with pytest.raises(CheckpointError, match="unknown"):
        checkpoints.load(path, model, rngs=checkpoints.generators(model, np.random.default_rng()))
    with pytest.raises(CheckpointError, match="generators"):
        checkpoints.load(path, Net(), rngs=[])
    model, _ = make()
    other = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(CheckpointError, match="SGD|optimiser"):
        checkpoints.load(path, model, other, rngs=checkpoints.generators(model, np.random.default_rng()))
    assert all(np.array_equal(make()[0].state_dict()[k], v) for k, v in model.state_dict().items())
    assert before.keys() == {"w_1.weight", "w_1.bias"}


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        train(*make(), checkpoint=tmp_path / "file" / "toy.safetensors")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError, match="no file"):
        train(*make(), checkpoint=tmp_path / "folder")


def test_a_write_that_fails_leaves_the_former_file_whole(tmp_path, monkeypatch):
    path = saved(tmp_path)
    before = path.read_bytes()

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        checkpoints.save(path, Net(seed=3))
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def test_folders_are_made(tmp_path):
    path = Path(tmp_path, "a", "b", "toy.safetensors")
    checkpoints.save(path, Net(), step=5)
    assert checkpoints.load(path, Net())[0] == 5
