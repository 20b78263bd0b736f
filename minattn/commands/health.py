"""What `minattn doctor` looks at. Each look gives findings; a finding may know how to mend itself."""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import backends
from ..errors import MinattnError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    state   good; absent (minattn works without it); or broken
    says    what was found
    hint    what to type, where there is something to do
    mend    what `--fix` calls; its return value says what was done
    """

    name: str
    state: str
    says: str
    hint: str = ""
    mend: Callable | None = None


def examine():
    """All findings, in the order in which they are printed."""
    looks = (
        python,
        packages,
        choice,
        found_backends,
        machine,
        kernel_cache,
        data_folder,
        progress,
        text,
        lessons,
    )
    return [finding for look in looks for finding in look()]


def python():
    from .. import __version__

    yield Finding("minattn", "good", f"{__version__} in {Path(__file__).resolve().parents[1]}")
    yield Finding("python", "good", f"{platform.python_version()} in {sys.prefix}, {platform.platform()}")


def packages():
    """What the installed metadata asks for: always, for speed (numba), and for the lessons (lab)."""
    try:
        wanted = _requirements()
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", "broken", "minattn is not installed", 'pip install -e ".[lab]" in a clone')
        return
    for extra, state in (("", "broken"), ("numba", "absent"), ("lab", "absent")):
        name = f"packages for {extra}" if extra else "packages"
        there = {spec: _version(spec) for spec in wanted.get(extra, ())}
        known = ", ".join(f"{_name(spec)} {version}" for spec, version in there.items() if version)
        yield Finding(name, "good", known or "none")
        for spec in (spec for spec, version in there.items() if not version):
            yield Finding(name, state, f"{_name(spec)} is not installed", f'pip install "{spec}"')


def _requirements():
    """{extra: [requirement]} of minattn; "" holds what it always needs."""
    wanted = {}
    for line in importlib.metadata.requires("minattn") or ():
        spec, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)", marker)
        if _name(spec) != "minattn":
            wanted.setdefault(extra[1] if extra else "", []).append(spec.strip())
    return wanted


def _name(spec):
    return re.match(r"[\w.-]+", spec.strip())[0]


def _version(spec):
    try:
        return importlib.metadata.version(_name(spec))
    except importlib.metadata.PackageNotFoundError:
        return None


def choice():
    try:
        yield Finding("backend in use", "good", backends.current())
    except MinattnError as error:
        yield Finding("backend in use", "broken", f"MINATTN_BACKEND: {error.got}", error.hint)
        backends.use("numpy")  # so that the rest can be looked at


def found_backends():
    for name, error in backends.available().items():
        if error is None:
            yield Finding(f"backend {name}", "good", "ready")
        else:
            yield Finding(f"backend {name}", "absent", error.got, error.hint)


def machine():
    from .. import autodiff, models, nn  # noqa: F401 - their import fills the table of kernels

    facts = backends.report()
    for blas in facts["blas"]:
        threads = (
            f"{blas['threads']} threads" if blas["threads"] else "threads unknown (pip install threadpoolctl)"
        )
        yield Finding("blas", "good", f"{blas['name']} {blas['version']}, {threads}")
    yield Finding("cores", "good", str(facts["cores"]))
    shared = facts["threads"]
    started = f"{shared['layer']}, waiting {shared['waiting']}" if shared["layer"] else "none has started"
    yield Finding("kernel threads", "good", f"{shared['kernels']}, {started}")
    for backend in ("numba", "cupy"):
        there = {row["operation"] for row in facts["kernels"] if row["backend"] == backend}
        if there:
            yield Finding(
                f"kernels, {backend}", "good", f"{len(there)} operations", "minattn doctor --kernels"
            )
    gpu = facts["gpu"]
    yield Finding("gpu", "good" if gpu else "absent", gpu or "none that CuPy can use")


def kernel_cache():
    from . import kernels

    if kernels.numba_missing():
        yield Finding("kernel cache", "absent", "no numba, so nothing to keep")
        return
    try:
        cache = kernels.inspect(kernels.cache_folders(), kernels.outdated())
    except (RuntimeError, OSError) as error:
        hint = "set NUMBA_CACHE_DIR to a folder that you may write"
        yield Finding("kernel cache", "broken", str(error), hint)
        return
    for paths, what in (
        (cache.broken, "cannot be read"),
        (cache.outdated, "are older than code that they call"),
    ):
        if paths:
            says = f"{len(paths)} files {what}, the first is {paths[0]}"
            yield Finding("kernel cache", "broken", says, "minattn doctor --fix", _cleared(cache, len(paths)))
    if not cache.broken and not cache.outdated:
        where = os.path.commonpath(cache.folders) if cache.folders else "none has run yet"
        says = f"{len(cache.indexes)} kernels, {cache.size / 1e6:.1f} MB, {where}"
        yield Finding("kernel cache", "good", says, "" if cache.indexes else "minattn doctor --warm")


def _cleared(cache, count):
    def mend():
        cache.clear()
        return f"{count} files removed; their kernels are compiled again when needed"

    return mend


def data_folder():
    from ..grading.progress import home

    folder = home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        hint = "set MINATTN_HOME to a folder of yours"
        yield Finding("data folder", "broken", f"{folder} cannot be written: {error.strerror}", hint)
    else:
        yield Finding(
            "data folder", "good", f"{folder}, writable" + ("" if folder.exists() else ", not made yet")
        )


def progress():
    from ..grading import Progress, exercises
    from ..grading.progress import home

    path = home() / "progress.json"
    with tempfile.TemporaryDirectory() as copy:  # a Progress puts a damaged file aside: let it read a copy
        try:
            if path.exists():
                shutil.copy(path, copy)
            copied = Progress(copy)
        except (OSError, MinattnError) as error:
            yield Finding("progress", "broken", f"{path}: {error}", "set MINATTN_HOME to a folder of yours")
            return
    if copied.notice:
        yield Finding(
            "progress", "broken", f"{path} cannot be read", "minattn doctor --fix", lambda: Progress().notice
        )
        return
    every = exercises()
    passed = sum(copied.passed(one.slug) for one in every)
    yield Finding("progress", "good", f"{passed} of {len(every)} exercises passed", "minattn learn")


def text():
    from ..worlds import real

    try:
        yield Finding("text (pydoc_data)", "good", f"{len(real.load()):,} characters")
    except MinattnError as error:
        yield Finding("text (pydoc_data)", "absent", error.got, error.hint)


def lessons():
    from .lessons import checkout, find_lessons

    try:
        root = checkout()
        yield Finding("lessons", "good", f"{len(find_lessons(root))} in {root}")
    except MinattnError as error:
        yield Finding("lessons", "absent", error.got, error.hint)
