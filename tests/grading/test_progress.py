"""The progress file: best points are kept, a damaged file is put aside, writing is all or nothing."""

import json
import os

import pytest

from minattn.errors import ArgumentError, OutputError
from minattn.grading import Progress, check, check_and_record, find

SLUG = "context_vector"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINATTN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def right():
    return check(SLUG, find(SLUG).reference)


def wrong():
    return check(SLUG, lambda weights, states: states.mean(1))


def stub():
    def context_vector(weights, states):
        raise NotImplementedError

    return check(SLUG, context_vector)


def test_points_are_kept(folder):
    progress = Progress()
    assert not progress.touched(SLUG) and progress.points(SLUG) == 0 and not progress.path.exists()
    for report in (stub(), wrong(), right(), wrong()):
        progress.record(report)
    for seen in (progress, Progress(), Progress(folder)):
        assert seen.passed("context-vector") and seen.points(SLUG) == 3 and seen.wrong_tries(SLUG) == 2
    assert not Progress().passed("softmax") and os.listdir(folder) == ["progress.json"]


def test_an_unknown_slug_is_answered(folder):
    with pytest.raises(ArgumentError, match="did you mean context_vector"):
        Progress().passed("context_vectr")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"exercises": 3}', '{"exercises": {"softmax": 3}}', "[" * 10**5, "\0" * 50,
             '{"exercises": {"softmax": {"points": "many"}}}']
)  # fmt: skip
def test_a_damaged_file_is_kept_aside(folder, text):
    folder.mkdir()
    for n in (1, 2):
        (folder / "progress.json").write_text(text)
        progress = Progress()
        kept = folder / f"progress.damaged-{n}.json"
        assert kept.read_text() == text and str(kept) in progress.notice
    progress.record(right())
    assert Progress().passed(SLUG) and Progress().notice is None


def test_unknown_keys_survive(folder):
    folder.mkdir()
    content = {"format": 9, "more": 1, "exercises": {"later_exercise": {"points": 2, "x": [1]}}}
    (folder / "progress.json").write_text(json.dumps(content))
    Progress().record(right())
    now = json.loads((folder / "progress.json").read_text())
    assert now["more"] == 1 and now["exercises"]["later_exercise"] == {"points": 2, "x": [1]}


def test_two_programs_do_not_forget_each_other(folder):
    one, two = Progress(), Progress()
    one.record(right())
    two.record(check("split_heads", find("split_heads").reference))
    assert Progress().passed(SLUG) and Progress().passed("split_heads")


def test_a_failed_write_leaves_the_old_file(folder, monkeypatch):
    Progress().record(wrong())
    before = (folder / "progress.json").read_bytes()
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OutputError, match="No space left"):
        Progress().record(right())
    assert (folder / "progress.json").read_bytes() == before and os.listdir(folder) == ["progress.json"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="set MINATTN_HOME"):
        Progress(tmp_path / "file" / "x").record(right())


def test_checking_a_file_climbs_the_ladder(folder, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def context_vector(weights, states):\n    raise NotImplementedError\n")
    report, progress = check_and_record(SLUG, path)
    assert report.untouched and progress.wrong_tries(SLUG) == 0
    path.write_text("def context_vector(weights, states):\n    return states.mean(1)\n")
    rungs = [len(check_and_record("context-vector", path)[0].hints) for _ in range(4)]
    assert rungs == [1, 2, 3, 3]
    path.write_text(
        "def context_vector(weights, states):\n    return (weights[:, :, None] * states).sum(1)\n"
    )
    report, progress = check_and_record(SLUG, path)
    assert report.passed and progress.passed(SLUG) and report.hints == []
