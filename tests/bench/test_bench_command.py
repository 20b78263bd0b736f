"""`minattn bench` from the terminal: one command measures and writes everything."""

import pytest
from click.testing import CliRunner
from test_bench_figures import FIGURES, RACE

from minattn import cli
from minattn.bench import figures


def bench(*args):
    return CliRunner().invoke(cli.main, ["bench", *map(str, args)], prog_name="minattn")


@pytest.fixture
def measured(monkeypatch):
    """The plans that were measured; measuring takes no time and gives FIGURES."""
    plans = []

    def collect(runs, threads, turn, tell, show):
        plans.append((runs, threads))
        show(runs[0], RACE if runs[0].part == "races" else {"MB": {"torch": 7.0}, "absent": {}})
        return FIGURES

    monkeypatch.setattr(figures, "collect", collect)
    return plans


def test_an_unknown_workload_is_refused_before_anything_runs():
    said = bench("--only", "gpt-smal")
    assert said.exit_code == 2 and "--only gpt-small" in said.stderr and "expected" in said.stderr


def test_out_writes_figures_tables_and_both_charts(measured, tmp_path):
    said = bench("--quick", "--threads", 3, "--out", tmp_path / "cpu.json")
    assert said.exit_code == 0, said.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cpu-growth.png", "cpu.json", "cpu.md", "cpu.png"]
    assert measured[0][1] == 3 and "gpt-small" in said.output and "no usable devices" in said.output


def test_growth_and_memory_are_measured_alone(measured, tmp_path):
    assert bench("--memory").exit_code == 0 and bench("--growth", "--memory").exit_code == 0
    assert [{run.part for run in runs} for runs, _ in measured] == [{"memory"}, {"growth", "memory"}]


def test_the_exit_code_tells_that_minattn_itself_failed(measured, monkeypatch):
    broken = {**RACE, "absent": {"minattn numba": "wrong results"}}
    monkeypatch.setitem(FIGURES, "races", {"gpt-small": broken})
    assert bench("--quick").exit_code == 1


def test_a_folder_that_cannot_be_written_is_told_first(measured, tmp_path):
    (tmp_path / "file").write_text("")
    assert bench("--out", tmp_path / "file" / "a.json").exit_code == 2 and measured == []


def test_a_profile_is_a_table_and_a_picture(tmp_path):
    said = bench("--profile", "--only", "attention-64-forward", "--threads", 1, "--chart", tmp_path / "p.png")
    assert said.exit_code == 0, said.output
    assert "attention" in said.output and "the rest" in said.output and (tmp_path / "p.png").exists()
