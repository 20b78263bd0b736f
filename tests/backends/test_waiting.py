"""Threads wait asleep where others work too."""

import os

import pytest

from minattn.backends import waiting


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A way to say what the system reports."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    waiting.choose_waiting.cache_clear()
    monkeypatch.setattr(waiting, "LOAD", tmp_path / "loadavg")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    yield (tmp_path / "loadavg").write_text
    os.environ.pop("GOMP_SPINCOUNT", None)
    waiting.choose_waiting.cache_clear()


@pytest.mark.parametrize(
    "running, threads, how", [(1, 4, "awake"), (2, 4, "asleep"), (2, 3, "awake"), (9, 1, "asleep")]
)
def test_threads_wait_awake_only_on_cores_of_their_own(load, running, threads, how, monkeypatch):
    monkeypatch.setattr(waiting, "threads", lambda: threads)
    load(f"0.52 1.44 1.75 {running}/157 1234\n")
    assert waiting.others_at_work() == running - 1
    assert waiting.choose_waiting() == how
    assert os.environ.get("GOMP_SPINCOUNT") == (None if how == "awake" else "0")


def test_what_was_asked_for_stays_and_silence_means_idle(load, monkeypatch):
    load("nonsense")
    assert waiting.others_at_work() == 0 and waiting.choose_waiting() == "awake"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    waiting.choose_waiting.cache_clear()
    load("9 9 9 9/9 9")
    assert waiting.choose_waiting() == "as asked" and "GOMP_SPINCOUNT" not in os.environ
