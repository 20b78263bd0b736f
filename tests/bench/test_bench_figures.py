"""What was measured becomes JSON, ratios, tables and charts; the kept page is the one made from it."""

import json
from pathlib import Path

import pytest

from minattn.bench import figures, growth, pictures, tables
from minattn.errors import ArgumentError, OutputError

KEPT = sorted(Path(__file__).parents[1].glob("benchmarks/*.json"))


def row(*rounds):
    low, middle, high = sorted(rounds)
    return {"median": middle, "low": low, "high": high, "rounds": list(rounds), "start": 1.0}


RACE = {
    "title": "training step, small GPT",
    "goal": 1.2,
    "rows": {
        "minattn numpy": row(80.0, 84.0, 82.0),
        "minattn numba": row(20.0, 21.0, 22.0),
        "torch": row(32.0, 34.0, 33.0),
        "jax": row(30.0, 42.0, 22.0),
        "torch cuda": row(3.0, 3.0, 3.0),
    },
    "absent": {"tinygrad": "RuntimeError: no usable devices"},
}
FIGURES = {
    "schema": figures.SCHEMA,
    "machine": figures.machine(),
    "settings": figures.settings(threads=2, turn=0.2),
    "processes": {"torch": {"versions": {"torch": "2.13.0"}, "pools": ["mkl 2024.2, 2 threads"] * 2}},
    "races": {"gpt-small": RACE},
    "growth": {
        "attention": {
            "size": {"B": 1, "T": [128, 256]},
            "of": {"minattn numba": {"128": 1.0, "256": 3.5}, "jax": {"128": 2.0}},
            "absent": {},
        }
    },
    "memory": {},
}


def test_the_ratio_is_the_best_peers_time_over_ours_round_by_round():
    at = figures.standing(RACE)
    assert at["peer"] == "jax" and at["ms"] == 21.0 and at["peer_ms"] == 30.0
    assert (at["low"], at["ratio"], at["high"]) == pytest.approx((1.25, 1.5, 1.75))
    assert at["numpy"] == pytest.approx(82 / 21)


def test_without_ours_or_without_a_peer_of_the_device_there_is_no_ratio():
    assert figures.standing(RACE, "minattn cupy") is None
    assert figures.standing({"rows": {"minattn numba": row(1.0, 1.0, 1.0)}}) is None


def test_figures_are_kept_as_json(tmp_path):
    path = tmp_path / "cpu.json"
    figures.save(FIGURES, path)
    assert figures.load(path) == FIGURES
    path.write_text(json.dumps({"schema": 0}))
    with pytest.raises(ArgumentError, match="schema 0"):
        figures.load(path)
    with pytest.raises(OutputError):
        figures.save(FIGURES, tmp_path)


def test_the_page_holds_the_ratio_every_contender_and_who_is_absent():
    page = tables.markdown(FIGURES)
    assert "| gpt-small | 21 | 30 jax | 1.50 | 1.25 to 1.75 | 1.2 | 3.9 |" in page
    assert "| gpt-small: training step, small GPT | 82 | 21 | 33 | 30 | 3 |" in page
    assert "gpt-small: tinygrad did not take part (RuntimeError: no usable devices)" in page
    assert "| minattn numba | 1 | 3.5 |" in page and "| jax | 2 |  |" in page
    assert "- torch: torch 2.13.0. Pools: mkl 2024.2, 2 threads.\n" in page


def test_tables_for_the_terminal():
    from rich.console import Console

    console = Console(width=100)
    with console.capture() as said:
        console.print(tables.rich_table(tables.RACE_HEAD, tables.race_rows(RACE), "gpt-small"))
    lines = said.get().splitlines()
    assert lines[2].split() == ["torch", "cuda", "3", "3", "to", "3", "0.14"], "the fastest first"
    assert lines[-1].split() == ["minattn", "numpy", "82", "80", "to", "84", "3.90"]


def test_charts_are_drawn(tmp_path):
    assert pictures.ratios(FIGURES, tmp_path / "a.png").stat().st_size > 5000
    assert pictures.growth(FIGURES, tmp_path / "b.png").stat().st_size > 5000


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_the_kept_page_is_made_from_the_kept_figures(path):
    assert path.with_suffix(".md").read_text(encoding="utf-8") == tables.markdown(figures.load(path))
    assert path.with_suffix(".png").exists()


def test_a_plan_has_every_race_and_every_length():
    runs = figures.plan()
    assert {run.part for run in runs} == {"races", "growth", "memory"}
    lengths = [r.workload.size["T"] for r in runs if r.part == "memory" and r.workload.kind == "attention"]
    assert tuple(lengths) == growth.LENGTHS and growth.LENGTHS[-1] == 64 * growth.LENGTHS[0]
    quick = figures.plan(quick=True)
    assert {run.part for run in quick} == {"races"} and all(run.rounds == 3 for run in quick)
    assert {c.name for run in quick for c in run.rivals} <= {"minattn numpy", "minattn numba", "torch"}


def test_whole_matrices_stay_out_of_the_longest_sequences():
    assert "minattn numpy" in [c.name for c in growth.rivals("attention", 4096)]
    assert "minattn numpy" not in [c.name for c in growth.rivals("attention", 8192)]
    assert "minattn numpy" in [c.name for c in growth.rivals("linear-attention", 8192)]


def test_figures_are_collected_run_by_run(monkeypatch):
    def race(workload, rivals, threads, **_):
        return {
            "rows": {"minattn numba": row(1.0, 2.0, 3.0)},
            "absent": {"torch": "no"},
            "processes": {"x": {}},
        }

    monkeypatch.setattr(figures.race, "race", race)
    monkeypatch.setattr(
        figures.growth, "memory", lambda workload, *_: {"MB": {"torch": workload.size["T"] / 2}, "absent": {}}
    )
    shown = []
    found = figures.collect(figures.plan(), threads=2, show=lambda run, found: shown.append(run.part))
    assert len(shown) == len(figures.plan()) and json.loads(json.dumps(found)) == found
    assert found["races"]["lstm"]["goal"] == 1.0 and found["processes"] == {"x": {}}
    assert found["memory"]["attention"]["of"]["torch"]["8192"] == 4096
    assert found["growth"]["linear-attention"]["size"]["T"] == list(growth.LENGTHS)
    assert found["growth"]["attention"]["absent"] == {"torch": "no"}
