"""`minattn compare`: fair training, honest costs, a mixer of one's own, errors before any training."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from minattn import cli, plots
from minattn.attention import mixers
from minattn.compare import TASKS, candidates, chosen, compare, comparison, pictures, tables, total_steps
from minattn.compare.tasks import find
from minattn.errors import ArgumentError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mixers.md"


@pytest.fixture
def quick(monkeypatch):
    """Few test sequences, no long ones."""
    monkeypatch.setattr(comparison, "TEST", dict.fromkeys(comparison.FACTORS, 1))
    monkeypatch.setattr(comparison, "BATCH", 3)


@pytest.fixture
def mine(tmp_path):
    """The mixer that the page shows, in a file of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "mine.py"
    file.write_text(code)
    return file


def run(*args):
    return CliRunner().invoke(cli.main, ["compare", *map(str, args)], prog_name="minattn")


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("factor", [1, 4])
def test_every_task_gives_tokens_that_the_model_can_read(name, factor):
    task, rng = find(name), np.random.default_rng(0)
    for draw in (task.draw, task.test or task.draw):
        batch = draw(rng, 3, factor)
        inputs, targets, asked = batch["inputs"], batch["targets"], batch["asked"]
        assert inputs.shape == (*targets.shape, len(task.channels)) and asked.dtype == bool
        assert (inputs >= 0).all() and (inputs < task.channels).all()
        assert (targets[asked] >= 0).all() and (targets[asked] < task.n_answers).all()
        assert asked.any(axis=1).all()
        if factor == 1:
            assert inputs.shape[1] == task.length
        else:
            assert 2.5 * task.length < inputs.shape[1] <= 4 * task.length


def test_held_out_text_is_not_trained_on():
    task = find("char-lm")
    (ids,), (held_out,) = task.draw.args, task.test.args
    assert len(ids) > 5 * len(held_out) and task.draw.func is task.test.func


def test_what_is_compared_gets_the_same_data_and_a_choice_of_rates(quick):
    steps = []
    found = compare(
        "mqar", ["softmax", "sinks"], (0, 3), steps=2, tell=lambda text, n: steps.append((text, n))
    )
    trained = [text for text, _ in steps if text]
    assert sum(n for _, n in steps) == total_steps("mqar", ["softmax", "sinks"], (0, 3), 2) == 24
    assert trained[:4] == [f"softmax, seed {s}, rate {lr}" for lr in ("0.003", "0.01") for s in (100, 101)]
    assert [text.split(",")[1] for text in trained[-2:]] == [" seed 0", " seed 3"]
    assert found.study.measured.keys() == {"softmax", "sinks"} and found.study.rates["sinks"] in (0.003, 0.01)
    assert found.study.measured["sinks"].keys() == {"1x", "2x", "4x", "8x", "16x", "seconds"}
    again = compare("mqar", ["sinks"], (0, 3), steps=2)
    for metric in ("1x", "16x"):
        assert again.study.measured["sinks"][metric] == found.study.measured["sinks"][metric]


def test_costs_are_those_of_all_layers(quick):
    one = compare("flip-flop", ["softmax"], (0,), steps=1, rates=(0.01,))
    two = compare("kth-last", ["softmax"], (0,), steps=1, rates=(0.01,))
    assert one.state["softmax"] == {n: 2 * 32 * n for n in (32, 64, 128, 256, 512)}
    assert two.state["softmax"][33] == 2 * 2 * 32 * 33
    assert one.cost["softmax"][64] == 2 * 32 * 64  # scores and values with 64 keys
    (row,) = one.rows()
    assert row["state floats"] == 2048 and row["by length"].keys() == {1, 2, 4, 8, 16}


def test_accuracy_counts_every_asked_token_once():
    class Fixed:
        def accuracy(self, batch):
            return batch["right"]

    batches = [(3, 1.0), (1, 0.0)] * (comparison.TEST[4] // 32)

    def draw(rng, n, factor):
        asked, right = batches.pop()
        return dict(asked=np.ones((1, asked), bool), right=right)

    assert comparison.accuracy(Fixed(), draw, 4, 0) == 0.75


def test_a_mixer_of_ones_own_joins_without_registration(quick, mine, tmp_path):
    out = tmp_path / "new" / "numbers.json"
    said = run("--task", "flip-flop", "--mixers", f"sinks,{mine}:RunningMean", "--steps", 2, "--out", out)
    assert said.exit_code == 0, said.output
    assert "RunningMean" in said.stdout and "state" in said.stdout
    assert sorted(p.name for p in out.parent.iterdir()) == ["numbers.json", "numbers.png"]
    told = json.loads(out.read_text())
    assert [row["mixer"] for row in told["mixers"]] == ["sinks", "RunningMean"]
    assert told["mixers"][1]["state floats"] == 33 and told["seeds"] == [0] and told["task"] == "flip-flop"
    assert told["measured"]["sinks"]["16x"][0] == told["mixers"][0]["by length"]["16"]


def test_the_page_s_mixer_keeps_what_all_mixers_promise(mine):
    mixer = mixers.load(f"{mine}:RunningMean")(8, 2, rng=np.random.default_rng(0))
    x, state = np.random.default_rng(1).normal(size=(3, 11, 8)).astype(np.float32), None
    whole = mixer(x).numpy()
    for t in range(11):
        out, state = mixer.step(x[:, t : t + 1], state)
        np.testing.assert_allclose(out.numpy(), whole[:, t : t + 1], atol=1e-5)


def test_the_page_names_every_task():
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in TASKS if f"`{name}`" not in page] == []


SAME = (
    "from minattn.nn import Module\nclass Mine(Module):\n    def __init__(self, d, h, *, rng): self.d = d\n"
)


@pytest.mark.parametrize(
    "body, words",
    [
        ("    def forward(self, x, valid=None): return x - x.mean(axis=1, keepdims=True)", "causal"),
        ("    def forward(self, x, valid=None): return x[..., :5]", "like x"),
        ("    def forward(self, x): return x", "valid=None"),
        ("def Mine(d_model, n_heads, *, rng): return lambda x, valid=None: x", "Module"),
        ("def Mine(d_model): return 1", "d_model, n_heads"),
        ("Mine = 7", "nothing of that name"),
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
    ],
)
def test_a_mixer_that_cannot_be_compared_is_refused_with_advice(tmp_path, body, words):
    file = tmp_path / "mine.py"
    file.write_text(SAME + "\n" + body)
    with pytest.raises(ArgumentError, match=re.escape(words)):
        chosen([f"{file}:Mine"])


def test_what_does_not_say_its_cost_is_shown_without(quick, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SAME + "    def forward(self, x, valid=None): return x * 1.0")
    found = compare("mqar", [f"{file}:Mine"], (0,), steps=1, rates=(0.01,))
    assert found.state == found.cost == {"Mine": None}
    assert tables.cells(found.rows()[0], 1)[5:7] == ("not said", "not said")
    assert pictures.draw(found, tmp_path / "picture.png").stat().st_size > 10_000


def test_a_training_that_runs_away_counts_as_nothing_right(quick, tmp_path):
    file = tmp_path / "mine.py"
    lost = "x * (float('nan') if self.training else 1.0)"
    file.write_text(SAME + f"    def forward(self, x, valid=None): return {lost}")
    found = compare("mqar", [f"{file}:Mine", "sinks"], (0,), steps=1, rates=(0.01,))
    assert found.study.measured["Mine"]["1x"] == found.study.measured["Mine"]["16x"] == [0.0]
    assert found.study.measured.keys() == {"Mine", "sinks"}


def test_all_means_every_mixer_of_the_library_and_a_name_comes_once():
    assert list(chosen(["sinks", "sinks"])) == ["sinks"]
    assert chosen(["all"]).keys() == mixers.registry().keys()


@pytest.mark.parametrize(
    "args, words",
    [
        (["--task", "mqr"], "--task mqar"),
        (["--mixers", "softmaxx"], "softmax"),
        (["--mixers", "none.py:Mixer"], "no file none.py"),
        (["--mixers", "none:Mixer"], "file.py:Name"),
        (["--mixers", ","], "a mixer or more"),
    ],
)
def test_errors_come_before_any_training(args, words, monkeypatch):
    monkeypatch.setattr(comparison, "fit", None)
    said = run(*args)
    assert said.exit_code == 2 and words in said.stderr and "expected" in said.stderr


def test_labels_must_differ(tmp_path):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(SAME + "    def forward(self, x, valid=None): return x * 1.0")
    with pytest.raises(ArgumentError, match="Mine twice"):
        chosen([f"{tmp_path}/one.py:Mine", f"{tmp_path}/two.py:Mine"])


def test_a_folder_that_cannot_be_written_is_told_first(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "fit", None)
    (tmp_path / "taken").touch()
    said = run("--mixers", "sinks", "--out", tmp_path / "taken" / "a.json")
    assert said.exit_code == 2 and "can be written" in said.stderr


@pytest.mark.parametrize("given", [dict(steps=0), dict(rates=()), dict(seeds=()), dict(seeds=(100,))])
def test_arguments_that_make_no_sense_are_refused(given, monkeypatch):
    monkeypatch.setattr(comparison, "fit", None)
    with pytest.raises(ArgumentError):
        compare("mqar", ["sinks"], **{"seeds": (0,), **given})


def test_every_library_mixer_can_be_a_candidate():
    for name, make in mixers.registry().items():
        candidates.try_out(name, make)


def test_a_name_stands_on_the_left_where_another_point_is_on_the_right():
    figure, ax = plots.figure()
    plots.trade_off(ax, {"near": (2700, 0.99), "next": (4096, 1.0), "alone": (600, 0.5)})
    assert {t.get_text(): t.get_ha() for t in ax.texts} == {"near": "right", "next": "left", "alone": "left"}


def test_names_of_points_do_not_meet():
    figure, ax = plots.figure()
    points = {"one": (512, [0.5, 0.6]), "two": (512, 0.55), "three": (544, 0.551), "far": (512, 0.1)}
    plots.trade_off(ax, points, order=["zero", *points])
    sides = {text.get_text(): text.get_ha() for text in ax.texts}
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert sides == {"one": "right", "two": "right", "three": "left", "far": "left"}
    assert abs(heights["one"] - heights["two"]) > 0.05 and heights["three"] - heights["far"] > 0.05
    marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [line.get_color() for line in marks] == list(plots.COLOURS.values())[1:5]
