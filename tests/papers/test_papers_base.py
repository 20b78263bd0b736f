"""The machinery of rows, on a row that trains nothing: a score that depends on rate and seed."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from minattn.errors import ArgumentError, OutputError
from minattn.nn import Linear
from minattn.papers import base, commands, results, runner
from minattn.papers.base import Arm, Paper, Row, at_least, at_most, exactly

PAPER = Paper(
    number=7, title="A toy", year=2021, arxiv="2101.00007", family="toys", slot="weights", lesson="toys",
    claim="Tall\n  beats short.", choose="score", budget_s=1,
)  # fmt: skip


def toy(**changes):
    """A row with two rivals of 12 parameters; `fitted` notes (arm, rate, seed) of each training."""
    fitted = []

    def build(rng):
        return Linear(3, 3, rng=rng)

    def fit(arm, world, lr, seed, label):
        fitted.append((label.split(": ")[1].split(",")[0], lr, seed))
        return lr

    def measure(model, world, arm):
        return {"score": np.float32(arm.settings["height"] - abs(model - 0.5)), "world": world}

    parts = dict(
        PAPER=PAPER,
        __name__="minattn.papers.toys.toy",
        world=lambda seed: 100 + seed,
        arms=lambda world: {
            "tall": Arm(build, 11, (0.1, 0.4, 0.9), settings=dict(height=3)),
            "short": Arm(build, 11, (0.1, 0.4, 0.9), settings=dict(height=1)),
        },
        fit=fit,
        measure=measure,
        holds=lambda seeds: [
            at_least("lead", base.mean(seeds, "tall", "score") - base.mean(seeds, "short", "score"), 1.5)
        ],
        exact=lambda: {"one is one": True},
        draw=lambda figure, run: figure.subplots().plot([run.measured["tall"]["score"]], "o"),
    )
    return Row("toy", SimpleNamespace(**{**parts, **changes})), fitted


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A place to record in, and the toy row found there."""
    (tmp_path / "minattn" / "papers").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(results, "FILE", tmp_path / "minattn" / "papers" / "results.json")
    row, fitted = toy()
    monkeypatch.setattr(commands, "find", lambda slug: row)
    monkeypatch.setattr(results, "rows", lambda: [row])
    return tmp_path, fitted


@pytest.mark.parametrize(
    "make, value, ok",
    [(at_least, 2, True), (at_least, 1.9, False), (at_most, 2, True), (at_most, 2.1, False),
     (exactly, 2, True), (exactly, 2.001, False), (at_least, float("nan"), False),
     (at_most, float("nan"), False)],
)  # fmt: skip
def test_a_check_compares_value_and_bound(make, value, ok):
    check = make("score", value, 2)
    assert check.ok is ok
    assert str(check).startswith("score = ") and str(check).endswith("yes" if ok else "NO")


@pytest.mark.parametrize(
    "part, values, expected",
    [("", (2, 3), "shown"), ("half", (2, 3), "partly shown"), ("", (2, 1), "partly shown"),
     ("", (1, 1), "not shown"), ("half", (1, 1), "not shown"), ("", (), "mechanism only")],
)  # fmt: skip
def test_verdict_follows_from_the_checks(part, values, expected):
    paper = Paper(**{**vars(PAPER), "part": part})
    assert base.verdict(paper, [at_least("x", value, 2) for value in values]) == expected
    assert expected in base.VERDICTS


def test_mean_is_over_seeds():
    assert base.mean([{"a": {"x": 1}}, {"a": {"x": 4}}], "a", "x") == 2.5


def test_rows_are_found_by_walking_in_order_of_number():
    numbers = [row.paper.number for row in base.rows()]
    assert numbers == sorted(numbers) and {44, 84} <= set(numbers)
    assert base.find("luong_attention").slug == "luong-attention"


def test_an_unknown_slug_names_the_near_ones():
    with pytest.raises(ArgumentError, match="minattn run rela"):
        base.find("relu")
    with pytest.raises(ArgumentError, match="minattn papers"):
        base.find("zzzzzz")


def test_a_row_with_unfair_arms_is_not_trained():
    def arms(world):
        unequal = {"tall": 3, "short": 4}
        return {n: Arm(lambda rng, m=m: Linear(3, m, rng=rng), 11, (0.1,)) for n, m in unequal.items()}

    row, fitted = toy(arms=arms)
    with pytest.raises(ArgumentError, match="toy: arms"):
        runner.train(row, 5, {})
    assert fitted == []


def test_every_arm_gets_its_own_rate_and_the_world_of_the_seed():
    row, fitted = toy()
    run = runner.train(row, 5, {"tall": 0.4, "short": 0.9})
    assert fitted == [("tall", 0.4, 5), ("short", 0.9, 5)]
    assert run.measured["short"] == {"score": pytest.approx(0.6), "world": 105.0}
    assert all(type(value) is float for metrics in run.measured.values() for value in metrics.values())
    assert run.parameters == {"tall": 12, "short": 12}


def test_rates_are_chosen_for_each_arm_on_the_tuning_seeds_only():
    row, fitted = toy()
    best, table = runner.choose_rates(row)
    assert best == {"tall": 0.4, "short": 0.4}
    assert {seed for _, _, seed in fitted} == {100, 101} and len(fitted) == 2 * 3 * 2
    expected = {0.1: 0.6, 0.4: 0.9, 0.9: 0.6}
    assert table["short"] == {lr: [pytest.approx(score)] * 2 for lr, score in expected.items()}


def test_a_metric_with_a_minus_is_made_small():
    row, _ = toy(PAPER=Paper(**{**vars(PAPER), "choose": "-score"}))
    assert runner.choose_rates(row)[0] == {"tall": 0.1, "short": 0.1}


def test_run_reports_and_draws_without_recording(checkout, tmp_path):
    lines = []
    entry, picture = commands.run("toy", (0, 3), out=tmp_path / "out", say=lines.append)
    assert lines[:2] == ["7. A toy (2021), arXiv 2101.00007", "claim: Tall beats short."]
    assert "lead = 2.000 >= 1.5: yes" in "\n".join(lines) and f"picture: {picture}" == lines[-1]
    assert entry["verdict"] == "shown" and entry["seeds"] == [0, 3]
    assert picture == tmp_path / "out" / "toy.png" and picture.stat().st_size > 1000
    assert not results.FILE.exists()


def test_recorded_rates_are_used_again_and_a_record_chooses_anew(checkout):
    _, fitted = checkout
    commands.run("toy", (0,), record=True, say=str)
    chosen = len(fitted)
    assert chosen == 12 + 2
    commands.run("toy", (4,), out=checkout[0] / "out", say=str)
    assert fitted[chosen:] == [("tall", 0.4, 4), ("short", 0.4, 4)]
    commands.run("toy", (0,), record=True, say=str)
    assert len(fitted) == chosen + 2 + chosen


def test_rates_of_other_arms_than_the_row_has_are_not_used(checkout):
    _, fitted = checkout
    commands.run("toy", (0,), record=True, say=str)
    known = results.load()["toy"]
    results.record("toy", {**known, "rates": {"tall": 0.9}})
    fitted.clear()
    commands.run("toy", (0,), out=checkout[0] / "out", say=str)
    assert len(fitted) == 12 + 2


def test_a_record_keeps_the_other_rows_and_makes_the_atlas(checkout):
    root, _ = checkout
    results.record("zebra", {"kept": 1})
    commands.run("toy", (0, 1), record=True, say=str)
    assert list(json.loads(results.FILE.read_text())) == ["toy", "zebra"]
    assert (root / "docs" / "atlas" / "toy.png").exists()
    page = commands.make_atlas().read_text()
    assert "| 7 | [A toy](#toy) | weights | shown |" in page and "- holds: lead = 2.000 (>= 1.5)" in page
    assert "| tall | 12 | 0.4 | score 2.9 [2.9, 2.9], world 100 [100, 101] |" in page
    (summary,) = results.summary()
    assert summary["verdict"] == "shown" and summary["measured"]["tall"]["world"] == [100.5, 100, 101]


@pytest.mark.parametrize("seeds", [(), (100,), (0, 101), (-1,)])
def test_seeds_that_may_not_be_reported_are_refused(checkout, seeds):
    with pytest.raises(ArgumentError, match="learning rates were chosen"):
        commands.run("toy", seeds, say=str)
    assert checkout[1] == []


def test_a_folder_that_cannot_be_written_is_refused_before_training(checkout):
    root, fitted = checkout
    (root / "taken").touch()
    with pytest.raises(OutputError, match="a folder that can be written"):
        commands.run("toy", (0,), out=root / "taken", say=str)
    (root / "pyproject.toml").unlink()
    with pytest.raises(OutputError, match="a clone of minattn"):
        commands.run("toy", (0,), record=True, say=str)
    assert fitted == []


def test_without_matplotlib_numbers_are_reported_all_the_same(checkout, monkeypatch):
    from minattn import plots
    from minattn.errors import BackendMissing

    def missing(**size):
        raise BackendMissing("minattn.plots", expected="matplotlib", got="none", hint="install it")

    monkeypatch.setattr(plots, "figure", missing)
    lines = []
    entry, picture = commands.run("toy", (0,), out=checkout[0] / "out", say=lines.append)
    assert picture is None and entry["verdict"] == "shown" and lines[-1] == "no picture: install it"


def test_nothing_recorded_is_an_empty_file_and_a_row_without_verdict(checkout):
    assert results.load() == {}
    (summary,) = results.summary()
    assert [summary[name] for name in ("slug", "verdict", "measured", "seconds")] == ["toy", None, None, None]
