"""The command line: help, the error panel, exit codes, and what doctor finds and mends."""

import importlib.util
import json
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

import minattn
from minattn import cli
from minattn.backends import dispatch
from minattn.commands import health, kernels, lessons
from minattn.errors import ShapeError

OUTDATED = kernels.outdated


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Every test has its own data folder and an empty kernel cache, and leaves the backend as it was."""
    monkeypatch.setenv("MINATTN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kernels, "cache_folders", lambda: set())
    monkeypatch.setattr(kernels, "outdated", lambda: [])
    monkeypatch.setenv("COLUMNS", "110")
    with minattn.using(minattn.current()):
        yield tmp_path / "home"


def minattn_(*args):
    return CliRunner().invoke(cli.main, args, prog_name="minattn")


def test_help_lists_every_command_in_the_order_of_a_first_hour():
    said = minattn_("--help")
    assert said.exit_code == 0
    places = [said.output.index(f"\n  {name} ") for name in cli.COMMANDS]
    assert places == sorted(places) and len(places) >= 6


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_shows_an_example_and_what_comes_next(name):
    said = minattn_(name, "--help")
    assert said.exit_code == 0, said.output
    assert "Example" in said.output and f"minattn {name}" in said.output and "Next:" in said.output


def test_version():
    assert minattn_("--version").output.strip() == f"minattn, version {minattn.__version__}"


def test_python_dash_m_is_the_same_program():
    said = subprocess.run([sys.executable, "-m", "minattn", "--version"], capture_output=True, text=True)
    assert said.stdout == minattn_("--version").output


@pytest.mark.parametrize("typo, meant", [("chekc", "check"), ("DOCTOR", "doctor"), ("paper", "papers")])
def test_an_unknown_command_names_the_nearest(typo, meant):
    said = minattn_(typo)
    assert said.exit_code == 2 and f"Did you mean {meant}" in said.output


def test_a_name_like_no_command_points_to_help():
    said = minattn_("zzzz")
    assert said.exit_code == 2 and "minattn --help" in said.output


@pytest.fixture
def broken_command(monkeypatch):
    """A command that fails with whatever it is given."""

    def add(error):
        @click.command()
        def fails():
            raise error

        monkeypatch.setattr(cli, "fails", fails, raising=False)
        monkeypatch.setitem(cli.COMMANDS, "fails", ("minattn.cli:fails", "Fails."))

    return add


def test_an_error_is_shown_in_four_parts_without_traceback(broken_command):
    broken_command(ShapeError("Linear(8, 3)", expected="(..., 8)", got="(2, [7])", hint="project first"))
    said = minattn_("fails")
    assert said.exit_code == 2 and "Traceback" not in said.output
    for part in ("Linear(8, 3)", "expected  (..., 8)", "got       (2, [7])", "try       project first"):
        assert part in said.output


def test_traceback_on_request(broken_command):
    broken_command(ShapeError("f", expected="a", got="b", hint="c"))
    assert isinstance(minattn_("--traceback", "fails").exception, ShapeError)


def test_control_c_ends_with_130_and_one_line(broken_command):
    broken_command(KeyboardInterrupt())
    said = minattn_("fails")
    assert said.exit_code == 130 and said.output.strip() == "Stopped."


def test_an_unknown_backend_is_an_error_of_ours():
    said = minattn_("learn", "--backend", "fortran")
    assert said.exit_code == 2 and "fortran" in said.output and "numpy" in said.output


def test_doctor_gives_facts_and_findings_as_json():
    said = minattn_("doctor", "--json")
    told = json.loads(said.output)
    states = {f["name"]: f["state"] for f in told["findings"]}
    assert said.exit_code == 0 and told["healthy"] and told["mended"] == []
    assert (
        states["backend numpy"] == states["data folder"] == states["progress"] == states["packages"] == "good"
    )
    assert {"blas", "gpu", "kernel cache", "text (pydoc_data)", "lessons", "backend cupy"} <= states.keys()
    assert told["facts"]["packages"]["minattn"] == minattn.__version__
    assert all(
        f["hint"] for f in told["findings"] if f["name"].startswith("backend") and f["state"] == "absent"
    )


def test_doctor_prints_a_line_for_each_finding():
    said = minattn_("doctor")
    assert said.exit_code == 0
    assert all(finding.name in said.output for finding in health.examine())


def test_doctor_says_which_kernels_a_step_ran():
    dispatch.kernel_log.clear()  # of the tests that ran before
    dispatch.declined_log.clear()
    said = minattn_("doctor", "--kernels").stdout
    if importlib.util.find_spec("numba"):
        assert said.index("declined") < said.index("cross_entropy") < said.index("Next:")
    else:
        assert said.index("every operation was array code") < said.index("Next:")


def test_doctor_says_so_where_no_kernel_ran(monkeypatch):
    monkeypatch.setattr("minattn.commands.doctor.take_step", lambda: None)
    monkeypatch.setattr("minattn.backends.dispatch.table", lambda: [])
    assert "every operation was array code" in minattn_("doctor", "--kernels").stdout


def test_doctor_survives_an_unknown_backend_in_the_environment(monkeypatch):
    monkeypatch.setattr("minattn.backends.select._name", None)
    monkeypatch.setenv("MINATTN_BACKEND", "fortran")
    said = minattn_("doctor", "--json")
    found = {f["name"]: f for f in json.loads(said.output)["findings"]}
    assert said.exit_code == 1 and "fortran" in found["backend in use"]["says"]


def test_doctor_mends_an_unreadable_progress_file_and_keeps_a_copy(home):
    home.mkdir()
    (home / "progress.json").write_text("{ not json")
    assert minattn_("doctor").exit_code == 1
    assert [p.name for p in home.iterdir()] == ["progress.json"], "looking changes nothing"
    said = minattn_("doctor", "--fix", "--json")
    assert said.exit_code == 0 and json.loads(said.output)["mended"][0]["name"] == "progress"
    assert [p.read_text() for p in home.iterdir()] == ["{ not json"]


def test_doctor_names_a_data_folder_that_cannot_be_written(home, monkeypatch):
    home.write_text("a file stands where the folder should be")
    said = minattn_("doctor", "--json")
    found = {f["name"]: f for f in json.loads(said.output)["findings"]}
    assert said.exit_code == 1
    assert found["data folder"]["state"] == "broken" and "MINATTN_HOME" in found["data folder"]["hint"]


def test_doctor_clears_a_broken_kernel_cache_and_nothing_else(tmp_path, monkeypatch):
    good, old = pickle.dumps("0.0") + b"another version's table", pickle.dumps("data")
    files = {"a.nbi": good, "a.1.nbc": old, "b.nbi": b"", "c.1.nbc": b"\x80\x05garbage", "note.txt": b""}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(kernels, "numba_missing", lambda: False)
    monkeypatch.setattr(kernels, "cache_folders", lambda: {tmp_path})
    monkeypatch.setattr(kernels.importlib.metadata, "version", lambda package: "1.0")
    (finding,) = health.kernel_cache()
    assert finding.state == "broken" and "2 files" in finding.says
    finding.mend()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["a.1.nbc", "a.nbi", "note.txt"]
    (finding,) = health.kernel_cache()
    assert finding.state == "good" and "1 kernels" in finding.says


def test_doctor_sees_kernels_that_are_older_than_what_they_call(tmp_path, monkeypatch):
    """Numba looks at a kernel's own file only."""
    shared = kernels.kernels()[0]
    namespace = {"shared": shared}
    exec(compile("def caller(x):\n    return shared(x)\n", str(tmp_path / "caller.py"), "exec"), namespace)
    caller = type(shared)(namespace["caller"])
    caller._compiled = SimpleNamespace(stats=SimpleNamespace(cache_path=str(tmp_path)))
    monkeypatch.setattr(kernels, "kernels", lambda: [caller])
    old, new = tmp_path / "caller.caller-1.py311.nbi", tmp_path / "caller.caller-9.py311.nbi"
    for path, time in ((old, 1), (new, 1)):
        path.touch()
        os.utime(path, (time, time))
    assert shared in kernels.called_by(caller)
    assert list(OUTDATED()) == [old], "the one of this line of the file"
    os.utime(old)
    assert list(OUTDATED()) == []


def test_a_missing_package_comes_with_its_pip_line(monkeypatch):
    wanted = ["numpy>=1", "nowhere-to-be-found>=2,<3", 'nor-this>=4; extra == "lab"']
    monkeypatch.setattr(health.importlib.metadata, "requires", lambda package: wanted)
    hints = {f.hint: f.state for f in health.packages() if f.hint}
    assert hints == {
        'pip install "nowhere-to-be-found>=2,<3"': "broken",
        'pip install "nor-this>=4"': "absent",
    }


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A small checkout with two lessons, and the place where the learner stands."""
    (tmp_path / "lessons").mkdir()
    for stem, title in (("01_tensors-and-gradients", "Tensors"), ("02_recurrent-networks", "Loops")):
        page = {"cells": [{"cell_type": "markdown", "source": [f"# {title}\n", "Text"]}]}
        (tmp_path / "lessons" / f"{stem}.ipynb").write_text(json.dumps(page))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_learn_shows_lessons_with_titles_and_says_what_comes_next(clone):
    said = minattn_("learn")
    assert said.exit_code == 0
    assert "Tensors" in said.output and "[ ] softmax" in said.output
    assert "minattn learn tensors-and-gradients" in said.output


@pytest.mark.parametrize("which", ["next", "1", "01", "tensors-and-gradients", "softmax"])
def test_learn_finds_a_lesson_by_any_of_its_names(clone, which):
    said = minattn_("learn", which, "--no-open")
    assert said.output.strip() == str(clone / "lessons" / "01_tensors-and-gradients.ipynb")


def test_next_is_the_first_lesson_with_something_left(clone):
    class Done:
        def passed(self, slug):
            return slug not in {e.slug for e in found[1].exercises}

    found = lessons.find_lessons(clone)
    assert lessons.choose(found, "next", Done()) is found[1]


def test_learn_as_json(clone):
    told = json.loads(minattn_("learn", "--json").output)
    assert [lesson["slug"] for lesson in told] == ["tensors-and-gradients", "recurrent-networks"]
    assert {e["passed"] for lesson in told for e in lesson["exercises"]} == {False}


def test_learn_opens_the_lesson_with_the_chosen_backend(clone, monkeypatch):
    calls = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())

    class Lab:
        """Is interrupted once, then ends."""

        def __init__(self, command, cwd, env):
            calls.append((command, cwd, env))
            self.answers = iter([KeyboardInterrupt, None])

        def wait(self):
            if stop := next(self.answers):
                raise stop
            return 0

    monkeypatch.setattr("subprocess.Popen", Lab)
    assert minattn_("learn", "2", "--backend", "numpy").exit_code == 0
    ((command, cwd, env),) = calls
    assert command[:3] == [sys.executable, "-m", "jupyterlab"] and command[3].endswith(
        "02_recurrent-networks.ipynb"
    )
    assert cwd == clone and env["MINATTN_BACKEND"] == "numpy"


def test_learn_without_jupyterlab_names_the_pip_line(clone, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = minattn_("learn", "1")
    assert said.exit_code == 2 and 'pip install -e ".[lab]"' in said.output


def test_learn_names_the_nearest_lesson(clone):
    said = minattn_("learn", "recurent-network")
    assert said.exit_code == 2 and "minattn learn recurrent-networks" in said.output


def test_learn_without_a_checkout_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        lessons, "__file__", str(tmp_path / "site-packages" / "minattn" / "commands" / "x.py")
    )
    said = minattn_("learn")
    assert said.exit_code == 2 and "clone" in said.output


def test_check_passes_judges_and_refuses(tmp_path):
    right = tmp_path / "right.py"
    right.write_text(
        "import numpy as np\n"
        "def softmax(x, axis=-1):\n"
        "    e = np.exp(x - x.max(axis=axis, keepdims=True))\n"
        "    return e / e.sum(axis=axis, keepdims=True)\n"
    )
    said = minattn_("check", "softmax", str(right), "--seed", "3", "--json")
    told = json.loads(said.output)
    assert said.exit_code == 0 and told["passed"] and told["seed"] == 3
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def softmax(x, axis=-1):\n    return x\n")
    assert minattn_("check", "softmax", str(wrong)).exit_code == 1
    said = minattn_("check", "sotfmax")
    assert said.exit_code == 2 and "softmax" in said.output


def test_papers_are_listed_as_json_with_the_promised_keys():
    told = json.loads(minattn_("papers", "--json").output)
    keys = {"number", "slug", "title", "family", "module", "verdict", "measured", "seconds"}
    assert told and all(keys <= row.keys() for row in told)


def test_papers_table_names_every_slug():
    rows = json.loads(minattn_("papers", "--json").output)
    table = minattn_("papers").output
    assert all(row["slug"] in table for row in rows)


def test_run_names_the_papers_that_exist():
    said = minattn_("run", "no-such-paper")
    assert said.exit_code == 2 and "cope" in said.output


@pytest.mark.parametrize("verdict, code", [("shown", 0), ("partly shown", 0), ("not shown", 1)])
def test_run_hands_its_options_on_and_ends_with_the_verdict(monkeypatch, verdict, code):
    calls = []

    def run(slug, seeds, out, record, say):
        calls.append((slug, seeds, out, record))
        return {"verdict": verdict}, None

    monkeypatch.setattr("minattn.papers.run", run)
    assert minattn_("run", "cope", "--seeds", "3", "--out", "here", "--backend", "numpy").exit_code == code
    assert calls == [("cope", (0, 1, 2), "here", False)]


def test_run_all_runs_every_row_once(monkeypatch):
    ran = []
    monkeypatch.setattr(
        "minattn.papers.run", lambda slug, *rest: ran.append(slug) or ({"verdict": "shown"}, None)
    )
    assert minattn_("run", "all").exit_code == 0
    assert ran == [row["slug"] for row in json.loads(minattn_("papers", "--json").output)] and len(ran) > 1


def test_a_kernel_cache_that_was_cut_short_is_named(monkeypatch):
    def cut():
        raise EOFError("Ran out of input")

    monkeypatch.setattr("minattn.papers.summary", cut)
    result = minattn_("papers")
    assert result.exit_code == 2 and "minattn doctor --fix" in result.stderr
