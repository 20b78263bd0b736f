"""Figures without pyplot, and files that are whole or not there."""

import functools
import importlib
import os
import tempfile
from pathlib import Path

from minattn.errors import ArgumentError, BackendMissing, OutputError


def figure(rows=1, columns=1, *, width=6.4, height=4.0):
    """A new figure with rows x columns Axes; width and height of the whole in inches.

    Returns (fig, ax); ax is one Axes, or a NumPy array of them if there are more. A notebook shows `fig` when
    it is the last line of a cell. Nothing is registered in pyplot, so nothing has to be closed.

    Raises BackendMissing where matplotlib is absent.
    """
    if min(rows, columns, width, height) <= 0:
        raise ArgumentError(
            "plots.figure",
            expected="positive rows, columns, width, height",
            got=(rows, columns, width, height),
            hint="figure(1, 2, width=8)",
        )
    fig = _figure_class()(figsize=(width, height), layout="constrained", dpi=100)
    return fig, fig.subplots(rows, columns)


def save(fig, path, *, dpi=150):
    """Write `fig` to `path` (png, svg or pdf, by its ending); folders are made. Returns the path.

    The picture is written beside its place and then moved there, so that a stop in the middle leaves no torn
    file. Raises ArgumentError for another ending, OutputError where the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ArgumentError(
            "plots.save", expected="a name that ends in .png, .svg or .pdf", got=path.name, hint="picture.png"
        )
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(suffix=path.suffix, prefix=".", dir=path.parent)
        os.close(handle)
        fig.savefig(part, dpi=dpi)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except OSError as cause:
        raise OutputError(
            "plots.save", expected="a file that can be written", got=cause, hint="another folder"
        ) from cause
    finally:
        if part:
            Path(part).unlink(missing_ok=True)
    return path


def writable_folder(path, where):
    """`path` as a Path, made if it is not there. Raises OutputError, as `where`, if nothing can be put in."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as cause:
        raise OutputError(
            where, expected="a folder that can be written", got=cause, hint="--out with another folder"
        ) from cause
    return path


def matplotlib(module):
    """The module matplotlib.<module>."""
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as cause:
        raise BackendMissing(
            "minattn.plots", expected="matplotlib", got=cause, hint='pip install -e ".[lab]"'
        ) from cause


@functools.cache
def _figure_class():
    matplotlib("backends.backend_agg")  # the canvas that draws without a screen

    class Picture(matplotlib("figure").Figure):
        """A Figure that a notebook can show without pyplot."""

        def _repr_png_(self):
            import io

            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return Picture
