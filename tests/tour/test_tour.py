"""The tour: small here, whole under the marker `tour`."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from rich.console import Console

from minattn import backends
from minattn.errors import ArgumentError, BackendMissing, OutputError
from minattn.tour import prepare, run, tour
from minattn.tour.screen import Screen, map_text
from minattn.tour.translate import GROUPS, LONG
from minattn.worlds import parallel, real


@pytest.fixture
def numpy_afterwards():
    yield
    backends.use("numpy")


def test_map_text_puts_words_shades_and_gold_in_their_places():
    text = map_text([[0.9, 0.05], [0.45, 0.0]], ["an", "ox"], ["une", "a"], {(0, 0), (1, 1)})
    assert text.splitlines() == ["     a  o", "     n  x", "une [█]", "  a  ▒ [ ]"]


def test_a_small_tour_says_and_saves_everything(tmp_path, monkeypatch, numpy_afterwards):
    text, translation = real.load()[:30_000], parallel.translation
    monkeypatch.setattr(real, "load", lambda: text)
    monkeypatch.setattr(parallel, "translation", lambda seed: translation(seed, n_train=400, n_test=30))
    out = io.StringIO()
    results, model = run(Screen(Console(file=out, width=80)), 7, tmp_path, "numpy", steps=3, language_steps=2)
    assert [r.name for r in results] == ["no attention", "Bahdanau", "Luong", "transformer"]
    assert all(set(r.exact) == set(GROUPS) and 0 <= r.long <= 1 and r.parameters > 10_000 for r in results)
    assert results[0].aer is None and all(0.5 < r.aer <= 1 for r in results[1:])  # hardly trained
    assert sorted(model.rulers) == [1, 2, 3, 4, 5] and model.bits > model.rulers[1]
    assert sorted(p.stem for p in tmp_path.iterdir()) == ["language", "lengths", "losses", "maps", "tour"]
    said = out.getvalue()
    for words in ("no attention", "IBM Model 1", "n-gram of order 5", "maps.png", "minattn learn"):
        assert words in said
    assert max(map(len, said.splitlines())) <= 80
    assert "…" not in said[: said.index("It writes")]


@pytest.mark.parametrize(
    "arguments, kind",
    [
        (("numppy", 0, "x"), ArgumentError),
        ((None, -1, "x"), ArgumentError),
        (("numpy", 0, "a-file/x"), OutputError),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_trained(arguments, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("")
    with pytest.raises(kind):
        prepare(*arguments)


def test_a_backend_that_is_not_there_is_named(tmp_path):
    if backends.available()["cupy"] is None:
        assert prepare("cupy", 0, tmp_path / "x")[1] == "cupy"
    else:
        with pytest.raises(BackendMissing):
            prepare("cupy", 0, tmp_path / "x")


def test_help_says_what_comes_next():
    said = CliRunner().invoke(tour, ["--help"]).output
    assert "--backend" in said and "Next: minattn learn" in said


def test_a_stop_leaves_no_broken_file(tmp_path):
    command = [sys.executable, "-m", "minattn", "tour", "--out", str(tmp_path / "out"), "--backend", "numpy"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ})
    while b"1  Can a network" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Traceback" not in said
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.tour
def test_the_tour_shows_what_it_promises(tmp_path, numpy_afterwards):
    folder, name = prepare(None, 0, tmp_path)
    results, model = run(Screen(), 0, folder, name)
    by_name = {r.name: r for r in results}
    gap = max(r.long for r in results) - by_name["no attention"].long
    assert gap >= 0.30, f"exact match on sentences of {LONG} words and more"
    assert min(r.aer for r in results if r.aer is not None) <= 0.20
    assert model.bits < model.rulers[2]
