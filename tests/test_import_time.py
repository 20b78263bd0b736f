"""`import minattn` and `minattn --help` are quick, because what they do not need stays unloaded."""

import subprocess
import sys

import pytest

HEAVY = ("numba", "scipy", "matplotlib", "cupy", "rich", "click", "IPython", "jupyterlab", "pytest")
MEASURE = """
import sys, time
start = time.process_time()
{statement}
print(time.process_time() - start, *(name for name in {heavy} if name in sys.modules))
"""


def fresh(statement, heavy):
    """(CPU seconds, heavy modules loaded) of a statement in a new Python."""
    code = MEASURE.format(statement=statement, heavy=heavy)
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, *loaded = said.stdout.splitlines()[-1].split()
    return float(seconds), loaded


def best_of_five(statement):
    """CPU seconds, the best of five: other programs on the machine only ever add."""
    return min(fresh(statement, ())[0] for _ in range(5))


def test_import_takes_less_than_three_tenths_of_a_second():
    assert best_of_five("import minattn") < 0.3


@pytest.mark.parametrize(
    "statement, heavy",
    [
        ("import minattn", HEAVY),
        ("import minattn.autodiff, minattn.nn, minattn.attention", HEAVY),
        ("import minattn.worlds, minattn.metrics, minattn.decoding", HEAVY),
        ("import minattn; minattn.use('numpy')", HEAVY),
        ("from minattn.cli import main; main(['--help'], standalone_mode=False)", ("numba", "scipy", "rich")),
    ],
)
def test_what_is_not_needed_stays_unloaded(statement, heavy):
    assert fresh(statement, heavy)[1] == []


def test_import_compiles_and_writes_nothing(tmp_path):
    code = "import minattn.attention; from minattn.backends import kernel_log; print(len(kernel_log))"
    python = [sys.executable, "-c", code]
    said = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "0" and list(tmp_path.iterdir()) == []
