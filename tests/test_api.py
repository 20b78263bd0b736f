"""The public names, with their signatures, are those of tests/api.txt.

After a change that is meant: `python tests/test_api.py` writes the file anew; read its diff.
"""

import difflib
import importlib
import inspect
import pkgutil
from pathlib import Path

import minattn

SNAPSHOT = Path(__file__).with_name("api.txt")


def public_modules():
    """Every module of minattn that says in `__all__` what it offers."""
    names = [info.name for info in pkgutil.walk_packages(minattn.__path__, "minattn.") if info.ispkg]
    modules = [minattn, *map(importlib.import_module, names)]
    return sorted((m for m in modules if hasattr(m, "__all__")), key=lambda m: m.__name__)


def signature(thing):
    """How it is called, without annotations: they are not part of the promise."""
    called = inspect.unwrap(thing)
    try:
        found = inspect.signature(called)
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=p.empty, default=plain(p.default)) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def plain(default):
    """A default whose text does not change from run to run."""
    return Named(default.__name__) if callable(default) and hasattr(default, "__name__") else default


class Named:
    """Prints as a bare name."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


def methods(cls):
    for name, member in sorted(vars(cls).items()):
        if name.startswith("_") or name == "node":
            continue
        if isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        if inspect.isfunction(member):
            yield f"    .{name}{signature(member)}"
        elif isinstance(member, property):
            yield f"    .{name}"


def describe(module):
    yield module.__name__
    for name in sorted(module.__all__):
        thing = getattr(module, name)
        home = getattr(thing, "__module__", "") or ""
        if inspect.ismodule(thing):
            yield f"  {name}: module"
        elif inspect.isclass(thing):
            bases = "" if issubclass(thing, BaseException) else signature(thing)
            yield f"  class {name}{bases}"
            if home.startswith(module.__name__):  # a class that is passed on is described where it lives
                yield from methods(thing)
        elif callable(thing):
            yield f"  {name}{signature(thing)}"
        else:
            yield f"  {name}: {type(thing).__name__}"


def current():
    return "\n".join(line for module in public_modules() for line in describe(module)) + "\n"


def test_public_names_are_those_of_the_snapshot():
    kept, now = SNAPSHOT.read_text(encoding="utf-8").splitlines(), current().splitlines()
    changed = "\n".join(difflib.unified_diff(kept, now, "tests/api.txt", "this code", lineterm="", n=0))
    assert not changed, f"{changed}\nIf this is meant: python tests/test_api.py"


def test_every_listed_name_exists():
    missing = [f"{m.__name__}.{n}" for m in public_modules() for n in m.__all__ if not hasattr(m, n)]
    assert missing == []


def test_every_package_lists_its_names():
    packages = [i.name for i in pkgutil.iter_modules(minattn.__path__, "minattn.") if i.ispkg]
    silent = {p for p in packages if not hasattr(importlib.import_module(p), "__all__")}
    assert silent <= {"minattn.commands", "minattn.tour"}, "a package says in __all__ what it offers"


if __name__ == "__main__":
    SNAPSHOT.write_text(current(), encoding="utf-8")
    print(f"{SNAPSHOT}: {len(current().splitlines())} lines")
