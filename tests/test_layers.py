"""Who may import whom. Imports inside functions count: being late is no way around a layer."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "minattn"
ALLOWED = {
    "errors": "", "backends": "", "worlds": "", "metrics": "", "plots": "", "decoding": "",
    "autodiff": "backends", "nn": "autodiff backends", "attention": "nn autodiff backends",
    "models": "attention nn autodiff decoding backends", "training": "nn autodiff metrics backends",
    "interpret": "attention nn autodiff metrics backends",
}  # fmt: skip
BELOW = " ".join(ALLOWED)
ALLOWED |= {"papers": BELOW, "grading": BELOW}
TOP = {"__init__", "__main__", "cli", "bench", "commands", "compare", "lab", "tour"}  # may import anything
HOMES = {"numba": {"backends"}, "cupy": {"backends"}, "matplotlib": {"backends", "plots"}}
HOMES |= dict.fromkeys(("torch", "jax", "autograd", "tinygrad"), {"bench"})
FILES = sorted(ROOT.rglob("*.py"))


def layer(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path):
    """(line, dotted name) of everything that a file imports, at any depth; "?" for a computed name."""
    package = ("minattn", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*base, *filter(None, [node.module])))
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            bare = isinstance(node.func, ast.Name)
            if (
                name in ("import_module", "run_module", "run_path", "__import__")
                or bare
                and name in ("exec", "eval")
            ):
                given = node.args[0] if node.args and "import" in name else None
                if isinstance(given, ast.JoinedStr):  # f"matplotlib.{module}" says enough
                    given = given.values[0]
                yield node.lineno, given.value if isinstance(given, ast.Constant) else "?"


def faults(path):
    own = layer(path)
    for line, name in imported(path):
        top, *rest = name.split(".")
        if top in HOMES and own not in HOMES[top]:
            yield f"{path.name}:{line} imports {top}, which only {sorted(HOMES[top])} may"
        if own in TOP:
            continue
        if top == "?" and own not in ("papers", "grading"):  # these two walk their own folders
            yield f"{path.name}:{line} imports a computed name"
        if top == "minattn":
            target = rest[0] if rest else "the whole package"
            if target not in {own, "errors", "__version__", *ALLOWED[own].split()}:
                yield f"{own} ({path.name}:{line}) imports {target}"
            if own == "papers" == target and any(is_row(rest[1:n]) for n in range(2, len(rest) + 1)):
                yield f"{path.name}:{line} imports another paper, {name}"


def is_row(parts):
    """Whether minattn.papers.x.y is a paper; what papers share has no PAPER of its own."""
    file = ROOT.joinpath("papers", *parts).with_suffix(".py")
    return file.is_file() and "\nPAPER = " in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_imports_only_what_its_layer_may(path):
    assert layer(path) in ALLOWED or layer(path) in TOP, "a new package needs a line in ALLOWED"
    assert list(faults(path)) == []


@pytest.mark.parametrize(
    "where, line, word",
    [
        ("nn/linear.py", "from ..attention import multi_head", "imports attention"),
        ("nn/linear.py", "def f():\n    from .. import models", "imports models"),
        ("nn/linear.py", "import minattn", "the whole package"),
        ("nn/linear.py", "import minattn.attention as a", "imports attention"),
        ("nn/linear.py", "import_module('minattn.' + name)", "computed name"),
        ("nn/linear.py", "importlib.import_module('minattn.grading')", "imports grading"),
        ("nn/linear.py", "def f():\n    import numba", "imports numba"),
        ("nn/linear.py", "import_module(f'minattn.models.{name}')", "imports models"),
        ("nn/linear.py", "exec('import minattn')", "computed name"),
        ("worlds/recall.py", "from ..autodiff import Tensor", "imports autodiff"),
        ("commands/check.py", "import matplotlib.pyplot", "imports matplotlib"),
        ("papers/base.py", "from minattn.grading import check", "imports grading"),
        ("grading/report.py", "from ..papers import rows", "imports papers"),
        ("papers/positions/cope.py", "from .rela import world", "imports another paper"),
        ("papers/positions/cope.py", "from ..translation import luong", "imports another paper"),
    ],
)
def test_the_check_sees(where, line, word, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    for folder in ("papers/positions", "papers/translation", Path(where).parent):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for row in ("positions/rela.py", "translation/luong.py"):
        (tmp_path / "papers" / row).write_text('"""A row."""\nPAPER = 1\n')
    (tmp_path / where).write_text(line)
    assert any(word in fault for fault in faults(tmp_path / where))
