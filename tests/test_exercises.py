"""Every exercise: the solution earns full marks, the stub none, every known mistake is caught and named."""

import ast
import doctest
import importlib.util
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from minattn.grading import check, check_file, exercises, find, lessons
from minattn.grading.judge import run_quietly

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = exercises()
SEEDS = (0, 1, 2)


def path_of(folder, exercise):
    return ROOT / folder / exercise.lesson / f"{exercise.slug}.py"


def load(folder, exercise):
    spec = importlib.util.spec_from_file_location(f"{folder}_{exercise.slug}", path_of(folder, exercise))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checked(exercise, function, seed, hints=0):
    with np.errstate(all="ignore"):
        return check(exercise.slug, function, seed=seed, hints=hints)


each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.slug)


def test_there_are_enough():
    assert len(EXERCISES) >= 20 and len({e.slug for e in EXERCISES}) == len(EXERCISES)
    assert all(len(exercises(lesson)) >= 4 for lesson in lessons())
    assert [e.position for lesson in lessons() for e in exercises(lesson)] == [
        n for lesson in lessons() for n in range(1, len(exercises(lesson)) + 1)
    ]


@pytest.mark.parametrize("folder", ["exercises", "solutions"])
def test_files_and_checks_belong_together(folder):
    found = {p.relative_to(ROOT / folder) for p in (ROOT / folder).rglob("*.py")}
    assert found == {path_of(folder, e).relative_to(ROOT / folder) for e in EXERCISES}


def skeleton(path):
    """The syntax tree of a file, with the bodies of its functions cut down to the docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.body = node.body[:1]
    return ast.dump(tree)


@each
def test_exercise_and_solution_differ_in_the_body_only(exercise):
    assert skeleton(path_of("exercises", exercise)) == skeleton(path_of("solutions", exercise))
    (function,) = [
        node
        for node in ast.parse(path_of("exercises", exercise).read_text(encoding="utf-8")).body
        if not isinstance(node, ast.Import)
    ]
    assert [ast.unparse(node) for node in function.body[1:]] == ["raise NotImplementedError"]
    assert "#" not in path_of("exercises", exercise).read_text(encoding="utf-8")
    solution = getattr(load("solutions", exercise), exercise.function)
    assert inspect.signature(solution) == inspect.signature(exercise.reference)
    for part in ("Returns", ">>>"):
        assert part in solution.__doc__


@each
def test_no_line_of_the_solution_stands_in_the_exercise(exercise):
    solution = ast.parse(path_of("solutions", exercise).read_text(encoding="utf-8")).body[-1]
    text = path_of("exercises", exercise).read_text(encoding="utf-8")
    for statement in solution.body[1:]:
        for line in ast.unparse(statement).splitlines():
            assert line.strip() not in text


@each
def test_the_examples_of_the_docstring_hold(exercise):
    module = load("solutions", exercise)
    (example,) = doctest.DocTestFinder().find(getattr(module, exercise.function), globs=vars(module))
    result = doctest.DocTestRunner(verbose=False).run(example, out=lambda text: None)
    assert result.attempted > 0 and result.failed == 0


@each
@pytest.mark.parametrize("seed", SEEDS)
def test_solution_and_stub(exercise, seed):
    solution = getattr(load("solutions", exercise), exercise.function)
    with np.errstate(all="raise", under="ignore"):  # a good body does not even warn
        report = check(exercise.slug, solution, seed=seed)
    assert report.passed and report.points == report.max_points and not report.recognised
    report = checked(exercise, getattr(load("exercises", exercise), exercise.function), seed, hints=3)
    assert report.untouched and report.points == 0 and not report.hints and not report.recognised


@each
def test_every_misconception_is_caught_and_named(exercise):
    for seed in SEEDS:
        for name, (variant, hint) in exercise.misconceptions.items():
            report = checked(exercise, variant, seed)
            assert report.points < report.max_points
            assert [one.name for one in report.recognised] == [name], (seed, name)
            assert hint in str(report) and report.recognised[0].cases == report.recognised[0].of


def filled(exercise, fill):
    """A function that returns arrays of the right shapes and dtypes with other content."""

    def guess(*args):
        right = exercise.reference(*args)
        many = isinstance(right, tuple)
        arrays = [fill(np.asarray(a)) for a in (right if many else (right,))]
        return tuple(arrays) if many else arrays[0]

    return guess


@each
@pytest.mark.parametrize("seed", SEEDS)
def test_arrays_of_the_right_shape_earn_nothing(exercise, seed):
    rng = np.random.default_rng(seed)
    noise = filled(exercise, lambda a: rng.random(a.shape) < 0.5 if a.dtype == bool else rng.random(a.shape))
    assert (
        checked(exercise, noise, seed).points
        == checked(exercise, filled(exercise, np.zeros_like), seed).points
        == 0
    )


@each
def test_feedback_holds_no_expected_number(exercise):
    """No number of the right answer, to three digits, stands in the report on a wrong one."""
    for name, (variant, _) in exercise.misconceptions.items():
        report = checked(exercise, variant, 3)
        said = " ".join(case.message for case in report.cases)
        numbers = set(re.findall(r"\d\.\d\d+|\d\d+\.\d+", said))
        for case in exercise.draw(3):
            given = run_quietly(variant, case.args) or []
            own = {f"{abs(x):.3g}" for a in given for x in np.nan_to_num(a.sum(-1) if a.ndim else a).ravel()}
            right = {f"{abs(x):.3g}" for a in run_quietly(exercise.reference, case.args) for x in a.ravel()}
            assert not (numbers & right) - own, name


@each
def test_it_is_described(exercise):
    assert (
        exercise.title and exercise.points > 0 and exercise.minutes > 0 and exercise.difficulty in (1, 2, 3)
    )
    assert len(exercise.misconceptions) >= 4 and len(exercise.hints) == 3 and all(exercise.hints)
    cases = exercise.draw(0)
    assert len(cases) >= 3 and len({case.name for case in cases}) == len(cases)
    assert str([c.args for c in cases]) == str([c.args for c in exercise.draw(0)])
    assert str([c.args for c in cases]) != str([c.args for c in exercise.draw(1)])


STABLE = [e for e in EXERCISES if any("10,000" in case.name for case in e.draw(0))]


def test_overflow_costs_points_where_scores_are_exponentiated():
    unstable = {e.slug for e in STABLE if any(re.search("overflow|largest", n) for n in e.misconceptions)}
    assert unstable >= {"softmax", "masked_softmax", "scaled_dot_product_attention", "gru_step"}
    assert len(STABLE) >= 8


@pytest.mark.parametrize(
    "slug", ["softmax", "rnn_backward", "alignment_error_rate", "causal_mask", "local_p"]
)
def test_the_real_worker_agrees(slug):
    """Tuples, booleans, one number, plain arguments, every dtype, through the process."""
    exercise = find(slug)
    report = check_file(slug, path_of("solutions", exercise), seed=7)
    assert report.passed and report.points == exercise.points and json.dumps(report.to_dict())
    assert check_file(slug, path_of("exercises", exercise)).untouched


def test_a_misconception_is_named_through_the_worker(tmp_path):
    path = tmp_path / "answer.py"
    path.write_text("import numpy as np\n\n\ndef merge_heads(x):\n    return x.sum(1)\n")
    report = check_file("merge-heads", path)
    assert report.points == 0 and [one.name for one in report.recognised] == ["heads_summed"]
