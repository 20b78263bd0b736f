"""The lessons: tidy files that use public names only, exercises equal to their files, and every cell runs."""

import ast
import importlib
import re
import time
from pathlib import Path

import nbformat
import pytest

from minattn import grading, papers

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "lessons").glob("*.ipynb"))
SECONDS = 90
each = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def slug(path):
    return path.stem.partition("_")[2]


def cells(path, kind="code"):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def text(path):
    return "\n".join(cell.source for cell in cells(path, "markdown"))


def stubs(path):
    """{name of the function: place of the cell} of the cells that a learner fills in."""
    found = {}
    for place, cell in enumerate(cells(path)):
        if re.search(r"^    raise NotImplementedError$", cell.source, re.MULTILINE):
            found[re.match(r"def (\w+)", cell.source)[1]] = place
    return found


def calls(source, name):
    """Every call of a function of this name, as it stands in the source."""
    tree = ast.walk(ast.parse(source))
    return [n for n in tree if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name]


def test_numbers_are_given_once_and_without_gaps():
    assert [int(path.stem.partition("_")[0]) for path in LESSONS] == list(range(1, len(LESSONS) + 1))


@each
def test_file_is_tidy(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(
        re.fullmatch(r"[a-z0-9-]+", cell.id) and not cell.get("attachments") for cell in notebook.cells
    )
    assert all(not cell.outputs and cell.execution_count is None for cell in cells(path))
    assert all(cell.source.strip() for cell in notebook.cells)


@each
def test_it_opens_with_a_question_and_says_what_is_learned(path):
    opening = cells(path, "markdown")[0].source
    assert re.match(r"# \w", opening) and re.search(r"\*\*[^*]+\?\*\*", opening)
    assert "you can" in opening and "minutes" in opening
    assert "where to go next" in text(path).lower()


@each
def test_it_uses_public_names_only(path):
    for cell in cells(path):
        tree = list(ast.walk(ast.parse(cell.source)))
        private = [n.attr for n in tree if isinstance(n, ast.Attribute) and re.match(r"_(?!_)", n.attr)]
        assert private == [], cell.source
        names = [alias.name for n in tree if isinstance(n, ast.Import) for alias in n.names]
        assert [name for name in names if name.startswith("minattn.")] == []
        for node in (n for n in tree if isinstance(n, ast.ImportFrom) and n.module.startswith("minattn")):
            assert node.module.count(".") <= 1, f"{node.module}: import it from its package"
            offered = importlib.import_module(node.module).__all__
            assert {alias.name for alias in node.names} <= set(offered), node.module


@each
def test_its_exercises_are_those_of_its_folder(path):
    found, code = stubs(path), cells(path)
    wanted = {file.stem: file for file in (ROOT / "exercises" / slug(path)).glob("*.py")}
    assert len(found) >= 3 and found.keys() == wanted.keys()
    assert list(found) == [exercise.slug for exercise in grading.exercises(slug(path))], "in order"
    for name, place in found.items():
        head, _, body = wanted[name].read_text(encoding="utf-8").partition("\n\n\n")
        assert head == "import numpy as np" and code[place].source.strip() == body.strip(), name
        assert code[place + 1].source == f'check("{name}", {name})'


@each
def test_pictures_are_described(path):
    for cell in cells(path):
        drawn = [n for n in calls(cell.source, "picture") if len(n.args) == 2]
        if re.search(r"\bfigure\(", cell.source):
            assert drawn, f"end the cell with picture(fig, description):\n{cell.source}"
    assert all(alt.strip() for alt in re.findall(r"!\[(.*?)\]\(", text(path)))


@each
def test_the_learner_predicts_and_changes(path):
    quizzes = [cell for cell in cells(path) if calls(cell.source, "predict")]
    assert len(quizzes) >= 3
    assert all(cell.metadata["jupyter"]["source_hidden"] for cell in quizzes), (
        "the answer stands in the source"
    )
    assert any("# change me" in cell.source for cell in cells(path))


@each
def test_what_it_points_at_exists(path):
    said = text(path)
    rows = re.findall(r"`minattn run ([\w-]+)`", said)
    assert rows, "the papers behind it"
    assert set(rows) <= {row.slug for row in papers.rows()}
    for name in re.findall(r"`minattn check ([\w-]+)`", said):
        grading.find(name)
    files = re.findall(r"`((?:minattn|exercises|lessons|tests|docs)/[\w./-]+)`", said)
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.lessons
@each
def test_it_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    for name in ("MINATTN_HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    folder = tmp_path / "lessons"
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    start = time.monotonic()
    client.execute()
    seconds = time.monotonic() - start
    outputs = [(cell.id, out) for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    warned = [f"{where}: {out.text}" for where, out in outputs if out.get("name") == "stderr"]
    assert warned == []
    assert any("image/png" in out.get("data", {}) for _, out in outputs)
    assert list(folder.iterdir()) == [], "a lesson leaves no files behind"
    assert seconds <= SECONDS, f"{seconds:.0f} s"
