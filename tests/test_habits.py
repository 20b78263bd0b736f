"""The habits of the house: sizes, docstrings, nothing unfinished, nothing of one machine, no silent skip."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import statistics
from pathlib import Path

import pytest

import minattn

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("minattn", "tests", "exercises", "solutions", "lessons", "docs", ".ci", ".github")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".json", ".ipynb", ".cfg", ""}
FILES = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*")) if p.is_file()]
FILES += [p for p in sorted(ROOT.glob("*.*")) if p.is_file()]
FILES = [p for p in FILES if p.suffix in TEXT and "__pycache__" not in p.parts]
SOURCE = [p for p in FILES if p.suffix == ".py"]
LIBRARY = [p for p in SOURCE if p.is_relative_to(ROOT / "minattn")]


def name(path):
    return path.relative_to(ROOT).as_posix()


def lines(path):
    return path.read_text(encoding="utf-8").count("\n")


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_files_fit_on_a_few_screens():
    assert [f"{name(p)}: {lines(p)} lines" for p in SOURCE if lines(p) > 400] == []
    assert statistics.median(lines(p) for p in LIBRARY) <= 120


def test_functions_fit_on_one_screen():
    def length(f):  # without the docstring
        return f.end_lineno - (f.body[0].end_lineno if ast.get_docstring(f) else f.lineno)

    long = [(p, f) for p in LIBRARY for f in functions(p) if length(f) > 40]
    assert [f"{name(p)}:{f.lineno} {f.name}: {length(f)} lines" for p, f in long] == []


def test_public_functions_take_few_parameters():
    """Kernel bodies are exempt: compiled code takes its arrays one by one."""

    def count(f):
        given = [a.arg for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs)]
        return len([a for a in given if a not in ("self", "cls", "ctx")])

    def public(f):
        kernel = any("jit" in ast.unparse(d) for d in f.decorator_list)
        return not kernel and (f.name == "__init__" or not f.name.startswith("_"))

    many = [(p, f) for p in LIBRARY for f in functions(p) if public(f) and count(f) > 8]
    assert [f"{name(p)}:{f.lineno} {f.name}: {count(f)}" for p, f in many] == []


@pytest.mark.parametrize(
    "what, pattern",
    [
        ("unfinished", r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"),
        ("a path of one machine", r"(?<![\w.$}/~])/(tm" r"p|wor" r"k|hom" r"e|roo" r"t|User" r"s)/"),
        ("a leftover", r"^\s*(breakpoint\(\)|import pd" r"b\b|<<<<" r"<<<|>>>>" r">>>)"),
    ],
)
def test_no_file_holds(what, pattern):
    search = re.compile(pattern, re.MULTILINE).search
    assert [f"{name(p)}: {what}" for p in FILES if search(p.read_text(encoding="utf-8"))] == []


def public_names():
    names = [i.name for i in pkgutil.walk_packages(minattn.__path__, "minattn.") if i.ispkg]
    for module in (minattn, *map(importlib.import_module, names)):
        for attribute in getattr(module, "__all__", ()):
            yield f"{module.__name__}.{attribute}", getattr(module, attribute)


def test_every_public_name_says_what_it_is():
    silent = [
        path
        for path, thing in public_names()
        if (inspect.ismodule(thing) or inspect.isclass(thing) or callable(thing)) and not thing.__doc__
    ]
    assert silent == []


def test_every_module_says_what_it_is():
    silent = [name(p) for p in LIBRARY if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert silent == []


def test_notebooks_are_kept_without_outputs():
    def dirty(path):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return any(cell.get("outputs") or cell.get("execution_count") for cell in cells)

    assert [name(p) for p in FILES if p.suffix == ".ipynb" and dirty(p)] == []


def skips():
    """`file::test` of what does not run in CI: a skip, an expected failure, or what needs a card."""

    def skipping(node):
        ways = ("skip", "skipif", "xfail", "importorskip", "gpu")
        return isinstance(node, ast.Attribute) and node.attr in ways and "pytest" in ast.unparse(node)

    for path in (p for p in SOURCE if p.is_relative_to(ROOT / "tests") or p.name == "conftest.py"):
        for block in ast.parse(path.read_text(encoding="utf-8")).body:
            if any(map(skipping, ast.walk(block))):
                yield f"{name(path)}::{getattr(block, 'name', '(file)')}"


def test_every_skip_has_a_row_and_every_row_a_skip():
    table = (ROOT / "tests" / "QUARANTINES.md").read_text(encoding="utf-8").partition("|---|---|---|\n")[2]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]
    assert all(len(row) == 3 and all(row) for row in rows), "test | why | until"
    assert sorted(set(skips())) == sorted(row[0] for row in rows)
