"""The public names, with their signatures, are those of tests/api.txt.

After a change that is meant: `python tests/test_api.py` writes the file anew; read its diff.
"""

import difflib
import functools
import importlib
import inspect
import pkgutil
from pathlib import Path

import minattn

SNAPSHOT = Path(__file__).with_name("api.txt")


@functools.cache
def public_modules():
    """Packages that say in `__all__` what they offer, the modules that these offer, and the errors."""
    found = pkgutil.walk_packages(minattn.__path__, "minattn.")
    packages = [minattn, *(importlib.import_module(info.name) for info in found if info.ispkg)]
    modules = {m.__name__: m for m in packages if hasattr(m, "__all__")}
    for package in list(modules.values()):
        offered = (getattr(package, name) for name in package.__all__)
        modules |= {m.__name__: m for m in offered if inspect.ismodule(m)}
    modules |= {name: importlib.import_module(name) for name in ("minattn.errors", "minattn.lab")}
    return [modules[name] for name in sorted(modules)]


def names(module):
    """What a module offers: `__all__`, or without one, every public name that it defines itself."""
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
    return sorted(getattr(module, "__all__", [n for n in own if not n.startswith("_")]))


def signature(thing):
    """How it is called, without annotations: they are not part of the promise."""
    if getattr(thing, "__module__", "") == "builtins":  # differs from Python to Python
        return "(...)"
    found = inspect.signature(inspect.unwrap(thing))
    bare = [p.replace(annotation=p.empty, default=plain(p.default)) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def plain(default):
    """A default whose text does not change from run to run."""
    named = default is not inspect.Parameter.empty and callable(default) and hasattr(default, "__name__")
    return Named(default.__name__) if named else default


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


def home_of(cls):
    """The innermost package that offers a class."""
    offers = [m.__name__ for m in public_modules() if getattr(m, cls.__name__, None) is cls]
    return max((name for name in offers if cls.__module__.startswith(name)), key=len, default="")


def describe(module):
    yield module.__name__
    for name in names(module):
        thing = getattr(module, name)
        if inspect.ismodule(thing):
            yield f"  {name}: module"
        elif inspect.isclass(thing):
            bases = "" if issubclass(thing, BaseException) else signature(thing)
            yield f"  class {name}{bases}"
            if module.__name__ == home_of(thing):  # a class that is passed on is described once
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
    missing = [f"{m.__name__}.{n}" for m in public_modules() for n in names(m) if not hasattr(m, n)]
    assert missing == []


def test_every_package_is_offered_and_lists_its_names():
    packages = {i.name for i in pkgutil.iter_modules(minattn.__path__) if i.ispkg}
    assert packages - {"bench", "commands", "tour"} == packages & set(minattn.__all__)
    silent = [n for n in minattn.__all__ if n in packages and not hasattr(getattr(minattn, n), "__all__")]
    assert silent == [], "a package says in __all__ what it offers"


if __name__ == "__main__":
    SNAPSHOT.write_text(current(), encoding="utf-8")
    print(f"{SNAPSHOT}: {len(current().splitlines())} lines")
