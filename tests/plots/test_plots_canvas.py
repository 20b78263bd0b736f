import subprocess
import sys

import pytest

from minattn import plots
from minattn.errors import ArgumentError, BackendMissing, OutputError


def _modules_after(code):
    code += "\nimport sys; print(*[m for m in ('matplotlib', 'matplotlib.pyplot') if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_matplotlib_is_imported_with_the_first_picture_and_pyplot_never():
    assert _modules_after("import minattn.plots") == []
    draw = "from minattn import plots; fig, ax = plots.figure(); plots.curves(ax, {'a': [1, 2]})"
    assert _modules_after(draw) == ["matplotlib"]


def test_figure_gives_one_axes_or_an_array():
    fig, ax = plots.figure(width=5, height=3)
    assert ax.figure is fig and tuple(fig.get_size_inches()) == (5, 3)
    assert plots.figure(2, 3)[1].shape == (2, 3)
    for bad in ((0, 1), (1, -1)):
        with pytest.raises(ArgumentError):
            plots.figure(*bad)


@pytest.mark.parametrize(
    "name, head", [("a.png", b"\x89PNG"), ("deep/er/a.svg", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_save_writes_a_whole_file_and_nothing_else(tmp_path, name, head):
    path = plots.save(plots.figure()[0], tmp_path / name, dpi=30)
    assert path.read_bytes().startswith(head)
    assert list(path.parent.iterdir()) == [path] and path.stat().st_mode & 0o777 == 0o644


def test_a_picture_that_cannot_be_drawn_leaves_the_old_file(tmp_path):
    fig, ax = plots.figure()
    path = plots.save(fig, tmp_path / "a.png", dpi=30)
    before = path.read_bytes()
    ax.set_title("$\\nonsense{$")
    with pytest.raises(ValueError):
        plots.save(fig, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_where_a_file_cannot_be_written(tmp_path):
    fig, _ = plots.figure()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        plots.save(fig, tmp_path / "file" / "a.png")
    with pytest.raises(ArgumentError):
        plots.save(fig, tmp_path / "a.bmp")


def test_a_notebook_shows_it():
    assert plots.figure()[0]._repr_png_().startswith(b"\x89PNG")


def test_without_matplotlib_the_hint_is_the_pip_line(monkeypatch):
    plots.canvas._figure_class.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendMissing, match="pip install"):
        plots.figure()
