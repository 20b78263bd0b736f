"""The README keeps its word: its first screen, its example, its links, and what its lines install."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMANDS = ['pip install -e ".[lab]" && minattn tour', 'pip install -e ".[test]" && python -m pytest']
IMPORT_NAMES = {
    "cuda-bindings": "cuda",
    "sacrebleu": "sacrebleu",
    "pytest-xdist": "xdist",
    "array-api-strict": "array_api_strict",
}


def test_the_two_commands_stand_on_the_first_screen():
    first_screen = README.splitlines()[:24]
    assert [line for line in first_screen if line in COMMANDS] == COMMANDS
    assert any(line.startswith("![") for line in first_screen), "a picture"


def test_nothing_else_has_to_be_installed():
    assert [
        line for line in README.splitlines() if re.search(r"\b(pip|conda|apt\S*) install", line)
    ] == COMMANDS


def test_the_continuous_integration_runs_both_commands_word_for_word():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(f"readme_command '{command}'" in script for command in COMMANDS)


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_example_runs_as_printed(example, capsys):
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    assert "(1, 4, 7, 8) (1, 4, 7, 7)" in capsys.readouterr().out
    assert len([line for line in example.splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def required(*extras):
    """Import names of what an installation with these extras brings directly."""
    specs, names = list(PROJECT["dependencies"]), {"minattn"}
    for extra in extras:
        specs += PROJECT["optional-dependencies"][extra]
    for spec in specs:
        name = re.match(r"[\w.-]+", spec)[0]
        if name == "minattn":
            names |= required(*re.search(r"\[(.*)\]", spec)[1].split(","))
        else:
            names.add(IMPORT_NAMES.get(name, name.replace("-", "_")))
    return names


def third_party(folder):
    """{package: a file that imports it} of everything that is not the standard library or beside the file."""
    found = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in (n.split(".")[0] for n in names):
                if name not in sys.stdlib_module_names and not any(ROOT.glob(f"tests/**/{name}.py")):
                    found.setdefault(name, path.relative_to(ROOT).as_posix())
    return found


@pytest.mark.parametrize(
    "folder, extras",
    [
        ("minattn", ("lab", "cupy", "peers")),
        ("solutions", ()),
        ("exercises", ()),
        ("tests", ("test", "peers", "cuda-check")),
    ],
)
def test_every_import_is_installed_by_its_extra(folder, extras):
    known = required(*extras) | {"cupy"}
    assert {name: path for name, path in third_party(ROOT / folder).items() if name not in known} == {}


def test_the_default_tests_need_only_the_test_extra():
    found = {n: p for n, p in third_party(ROOT / "tests").items() if n not in required("test")}
    assert {
        name: path for name, path in found.items() if not path.startswith(("tests/peers/", "tests/cuda/"))
    } == {}
