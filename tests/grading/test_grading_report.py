"""One result, many readers: dict, text, terminal, notebook; and checks from inside a notebook."""

import html
import json

import numpy as np
import pytest
from rich.console import Console

from minattn.errors import ArgumentError, MinattnError
from minattn.grading import Exercise, check, check_file, exercise_path, exercises, find, lessons
from minattn.grading import notebook as notebook_module


def wrong(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def mean(weights, states):
    return states.mean(1)


def unwritten(weights, states):
    raise NotImplementedError


def shown(report):
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report.rich())
    return " ".join(console.export_text().split())


def test_every_form_says_the_same():
    with np.errstate(all="ignore"):
        report = check("softmax", wrong, seed=4, hints=2)
    forms = [str(report), shown(report), html.unescape(report._repr_html_()), json.dumps(report.to_dict())]
    for text in forms:
        text = " ".join(text.split())
        for words in (
            "softmax",
            "numbers around 10,000",
            "wrong-value",
            "columns of a matrix",
            "seed",
            "self-check",
        ):
            assert words in text
        assert "Two steps" in text and "exp(x_i - m)" in text and "ln 3" not in text
    assert report.to_dict()["points"] == report.points == 1 and report.to_dict()["max_points"] == 5


def test_html_is_escaped():
    def shouts(weights, states):
        raise ValueError("<script>[bold]")

    report = check("context_vector", shouts)
    assert "<script>" not in report._repr_html_() and "<script>[bold]" in shown(report)


def test_a_common_cause_is_said_once():
    report = check("context_vector", unwritten)
    assert report.untouched and not report.wrong_try and str(report).count("NotImplementedError") == 0
    report = check("context_vector", lambda weights, states: 1 / 0)
    assert str(report).count("division by zero") == 1 and report.wrong_try


def test_the_ladder_climbs_with_failed_checks(monkeypatch):
    monkeypatch.setattr(notebook_module, "_wrong_tries", type(notebook_module._wrong_tries)())
    rungs = [len(check("context_vector", mean).hints) for _ in range(4)]
    assert rungs == [1, 2, 3, 3]
    assert check("context_vector", unwritten).hints == []
    assert check("context_vector", find("context_vector").reference).hints == []
    assert len(check("unbroadcast", lambda grad, shape: grad).hints) == 1


def test_arguments_cannot_be_written_to():
    def greedy(weights, states):
        states *= weights[:, :, None]
        return states.sum(1)

    report = check("context_vector", greedy, seed=0)
    assert {case.cause for case in report.cases} == {"exception"} and "work on a copy" in str(report)
    assert check("context_vector", find("context_vector").reference, seed=0).passed


def test_a_keyboard_interrupt_still_interrupts():
    def tired(weights, states):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("context_vector", tired)


def test_exit_in_a_notebook_is_a_cause():
    def leaves(weights, states):
        raise SystemExit

    assert {case.cause for case in check("context_vector", leaves).cases} == {"exit"}


def test_slugs_are_forgiving_and_typos_are_answered():
    assert find("Scaled-Dot-Product-Attention") is find("scaled_dot_product_attention")
    with pytest.raises(ArgumentError, match="did you mean softmax"):
        find("sofmax")
    with pytest.raises(ArgumentError, match="one of: softmax"):
        find("zzz")
    with pytest.raises(ArgumentError, match="did you mean recurrent-networks"):
        exercises("recurent-networks")
    assert exercises("recurrent_networks") == exercises("recurrent-networks")


def test_lessons_are_in_reading_order():
    assert lessons()[:2] == ("tensors-and-gradients", "recurrent-networks")
    assert [e.lesson for e in exercises()] == [lesson for lesson in lessons() for _ in exercises(lesson)]


@pytest.mark.parametrize("function", [None, 3, "softmax", np.zeros(2)])
def test_only_functions_can_be_checked(function):
    with pytest.raises(ArgumentError, match='check\\("softmax", softmax\\)'):
        check("softmax", function)


def test_files_are_found_in_the_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert exercise_path("gru-step").parts[-3:] == ("exercises", "recurrent-networks", "gru_step.py")
    monkeypatch.setattr("minattn.grading.files.CHECKOUT", tmp_path)
    with pytest.raises(ArgumentError, match="in a clone of minattn"):
        exercise_path("gru-step")
    own = tmp_path / "exercises" / "recurrent-networks"
    own.mkdir(parents=True)
    (own / "gru_step.py").write_text("def gru_step(x, h, w_x, w_h, b):\n    return h\n")
    report = check_file("gru-step", hints=1)
    assert not report.path.startswith("/") and report.points == 0 and len(report.hints) == 1


@pytest.mark.parametrize("name", ["missing.py", "notes.ipynb", "."])
def test_other_paths_are_refused(tmp_path, name):
    (tmp_path / "notes.ipynb").write_text("{}")
    with pytest.raises(ArgumentError, match="path of a .py file"):
        check_file("softmax", tmp_path / name)


@pytest.mark.parametrize("seed", [-1, 1.5, "3"])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(ArgumentError, match="a whole number from 0"):
        check("context_vector", mean, seed=seed)


def test_an_exercise_needs_mistakes_and_hints():
    whole = find("softmax")
    with pytest.raises(MinattnError, match="at least 4 misconceptions and 3 hints"):
        Exercise(whole.reference, "t", 1, 1, 1, 1, whole.cases, {}, ("a", "b", "c"))
