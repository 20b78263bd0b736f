"""Files that break, lie or attack: bounded time, a named cause, honest marks for every other case."""

import dataclasses
import os
import time

import pytest

from minattn.errors import MinattnError
from minattn.grading import CAUSES, Case, Limits, find, grade
from minattn.grading.sandbox import Sandbox, probe

EXERCISE = find("context_vector")  # three cases, with batches of 1, 3 and 5 sentences
QUICK = Limits(load=2.0, case=1.5, total=60)
HEAD = "import os, sys, time, threading, ctypes, signal, atexit, gc\nimport numpy as np\n"
RIGHT = "np.einsum('bs,bsn->bn', weights, states)"
FUNCTION = "def context_vector(weights, states):\n    {0}\n    return " + RIGHT + "\n"


def run(tmp_path, source, exercise=EXERCISE, **options):
    """The report on a file with this text, and the causes of the three cases (None = passed)."""
    path = tmp_path / "context_vector.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    start = time.monotonic()
    report = grade(exercise, path, **{"limits": QUICK, **options})
    assert time.monotonic() - start < 30
    return report, [case.cause for case in report.cases]


BAD_LINES = {
    "os._exit(0)": "exit",
    "os._exit(7)": "exit",
    "sys.exit()": "exit",
    "os.kill(os.getpid(), 9)": "crash",
    "os.abort()": "crash",
    "ctypes.string_at(0)": "crash",
    "[signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; [None for _ in iter(int, 1)]": "timeout",
    "[print('x' * 1000) for _ in iter(int, 1)]": "timeout",
    "return np.ones(3 * 2**27)": "memory",
    "bytearray(3 * 2**30)": "memory",
    "raise MemoryError": "memory",
    "raise ValueError('no')": "exception",
    "raise KeyboardInterrupt": "exception",
    "context_vector(weights, states)": "exception",
    "raise type('E', (BaseException,), {'__str__': lambda e: 1 / 0})()": "exception",
    "raise NotImplementedError": "not-implemented",
    "states *= 2": "exception",
    "open('big', 'wb').write(bytes(2**27))": "exception",
    "return None": "wrong-type",
    "return [1.0]": "wrong-type",
    "return object()": "wrong-type",
    "return np.array([[None, 1.0]] * len(states))": "wrong-type",
    "return states[:, 0] + 0j": "wrong-type",
    "return np.zeros((len(states), 2), int)": "wrong-type",
    "return states[:, 0].astype('f2')": "wrong-type",
    "return np.zeros_like(states[:, 0]), np.zeros_like(states[:, 0])": "wrong-type",
    "return ()": "bad-frame",
    "return states[:, 0].T": "wrong-shape",
    "return 1.5": "wrong-shape",
    "return np.broadcast_to(0.0, (2**24,))": "wrong-shape",
    "return states[:, 0] * np.nan": "wrong-value",
    "return states[:, 0] * 1e305": "wrong-value",
    "return np.zeros_like(states[:, 0])": "wrong-value",
    "os.write(4, b'x' * 99)": "bad-frame",
    "os.write(4, bytes(8) + b'{}')": "bad-frame",
    "os.close(4)": "exit",
    "os.close(3)": "exit",
}


def test_a_bad_case_costs_that_case_only(tmp_path):
    """One file, one bad line for every second case; the cases between them must all pass."""
    lines = list(BAD_LINES)

    def cases(rng):
        for n in range(1, 2 * len(lines) + 2):
            yield Case(str(n), (rng.random((n, 7)), rng.normal(size=(n, 7, 2))))

    branches = "".join(
        f"    if len(weights) == {2 * i + 2}:\n        {line}\n" for i, line in enumerate(lines)
    )
    source = HEAD + "def context_vector(weights, states):\n" + branches + "    return " + RIGHT + "\n"
    report, causes = run(tmp_path, source, exercise=dataclasses.replace(EXERCISE, cases=cases))
    assert dict(zip(lines, causes[1::2])) == BAD_LINES
    assert set(causes[::2]) == {None} and set(BAD_LINES.values()) <= set(CAUSES)
    assert report.points == pytest.approx(3 * (len(lines) + 1) / (2 * len(lines) + 1), abs=0.01)


WHOLE_FILES = {
    "os._exit(0)": "exit",
    "sys.exit(0)": "exit",
    "raise RuntimeError('at import')": "import-error",
    "import no_such_module": "import-error",
    "raise NotImplementedError": "import-error",
    "from context_vector import context_vector": "import-error",
    "while True: pass": "timeout",
    "ctypes.string_at(0)": "crash",
    "x = bytearray(3 * 2**30)": "memory",
    "def f(:": "syntax-error",
    "x = " + "(" * 100_000: "syntax-error",
    "if True:\n\tx = 1\n        y = 2": "syntax-error",
    "\0": "syntax-error",
    "del context_vector": "missing-function",
    "context_vector = 3": "missing-function",
    "class context_vector:\n    def __init__(self, weights, states): pass": "wrong-type",
    "def context_vector(weights): return weights": "exception",
}


@pytest.mark.parametrize("line, cause", WHOLE_FILES.items())
def test_a_file_that_cannot_be_run_scores_nothing(tmp_path, line, cause):
    report, causes = run(tmp_path, HEAD + FUNCTION.format("pass") + line + "\n")
    assert set(causes) == {cause} and report.points == 0
    assert report.common[1]


@pytest.mark.parametrize(
    "source, cause",
    [
        (b"", "missing-function"),
        ("\ufeff" + HEAD + FUNCTION.format("pass"), None),
        ((HEAD + FUNCTION.format("pass")).replace("\n", "\r\n"), None),
        ((HEAD + FUNCTION.format("pass")).encode("utf-16"), "syntax-error"),
        (b"x = '\xff'\n", "syntax-error"),
        (HEAD + FUNCTION.format("pass") + "# " + "x" * 10**7, None),
        (HEAD + "from functools import cache as c, wraps\nd = lambda f: wraps(f)(lambda *a: f(*a))\n@d\n"
         + FUNCTION.format("pass"), None),
    ],
)  # fmt: skip
def test_odd_encodings_and_wrappers(tmp_path, source, cause):
    assert set(run(tmp_path, source)[1]) == {cause}


def test_tricks_that_change_nothing(tmp_path):
    """A right function keeps its marks whatever it patches, prints, registers or leaves running."""
    tricks = (
        "atexit.register(os._exit, 0)",
        "np.testing.assert_allclose = np.allclose = np.array_equal = lambda *a, **k: True",
        "sys.stdout = None",
        "sys.stdin.read()",
        "sys.path[:] = []; os.environ.clear(); os.chdir('/')",
        "threading.Thread(target=time.sleep, args=(99,)).start()",
        "np.seterr(all='raise'); np.random.seed(0)",
    )
    for trick in tricks:
        report, causes = run(tmp_path, HEAD + trick + "\n" + FUNCTION.format(trick))
        assert causes == [None] * 3, trick


def test_patched_comparisons_do_not_help_a_wrong_answer(tmp_path):
    patch = "np.allclose = np.array_equal = lambda *a, **k: True\nnp.ndarray.__eq__ = None\n"
    for line in ("import json; json.dumps = lambda *a, **k: '{}'", "np.array = None", patch.splitlines()[0]):
        source = HEAD + line + "\ndef context_vector(weights, states):\n    return states[:, 0]\n"
        report, causes = run(tmp_path, source)
        assert report.points == 0 and None not in causes


FAKE = """
import json, struct
def fake(**keys):
    head = json.dumps({"args": [{"dtype": "f8", "shape": [3, 2]}], "tuple": False, **keys}).encode()
    return struct.pack("<II", len(head), 48) + head + bytes(48)
"""


def test_frames_on_standard_output_are_only_output(tmp_path):
    report, causes = run(tmp_path, HEAD + FAKE + FUNCTION.format("os.write(1, fake(id='0'))"))
    assert causes == [None] * 3 and '"dtype"' in report.output


def test_a_second_reply_costs_its_case(tmp_path):
    """Even with the channel and the ticket of the question out of the worker's memory."""
    steal = (
        "frame = sys._getframe()\n"
        "    while 'request' not in frame.f_locals: frame = frame.f_back\n"
        "    ticket, sink = frame.f_locals['request']['id'], frame.f_locals['sink']\n"
        "    if len(weights) == 3: sink.write(fake(id=ticket)); sink.flush()"
    )
    assert run(tmp_path, HEAD + FAKE + FUNCTION.format(steal))[1] == [None, "bad-frame", None]
    after = steal.replace("if len(weights) == 3: sink.write(fake(id=ticket)); sink.flush()", "{0}")
    later = (
        "threading.Timer(0.0, lambda: (sink.write(fake(id=ticket)), sink.flush())).start(); time.sleep(0.2)"
    )
    _, causes = run(tmp_path, HEAD + FAKE + FUNCTION.format(after.replace("{0}", later)))
    assert None not in causes


def test_the_worker_knows_no_answer(tmp_path):
    """Nothing that a submission finds in its process names a case, a mark or a known mistake."""
    look = (
        "frame, seen = sys._getframe(), list(sys.modules)\n"
        "    while frame: seen += [repr(frame.f_locals), frame.f_code.co_filename]; frame = frame.f_back\n"
        "    texts = (repr(o) for o in gc.get_objects() if type(o) in (dict, list, tuple))\n"
        "    text = ' '.join([*seen, *(t for t in texts if len(t) < 2000)])\n"
        "    words = 'ecnetnes_eno secnetnes_deddap noitpecnocsim stniop_xam'.split()\n"
        "    print([w for w in words if w[::-1].replace('_', ' ') in text], len(text) > 10_000)"
    )
    report, causes = run(tmp_path, HEAD + FUNCTION.format(look))
    assert causes == [None] * 3
    assert report.output.split("\n")[0] == "[] True"


def test_output_is_capped_and_cleaned(tmp_path):
    line = r"print('\x1b[31mred\x1b[0m\x07\u202e'); print('y' * 10**7)"
    report, causes = run(tmp_path, HEAD + FUNCTION.format(line))
    assert causes == [None] * 3
    assert report.output.startswith("\N{REPLACEMENT CHARACTER}[31mred") and "\x1b" not in report.output
    assert len(report.output) <= 4000 and report.output_cut > 2.9e7 and "more not shown" in str(report)


def test_the_environment_is_scrubbed(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "s3cret")
    source = HEAD + FUNCTION.format("print(dict(os.environ), os.listdir('.'), sys.argv, sys.flags.isolated)")
    report, _ = run(tmp_path, source)
    assert "s3cret" not in report.output and "'OMP_NUM_THREADS': '1'" in report.output
    assert report.output.split("\n")[0].endswith("1")


def test_nothing_is_left_behind(tmp_path):
    line = "pid = os.fork() or time.sleep(99); open('left', 'w').write('x'); print(pid, os.getcwd())"
    report, causes = run(tmp_path, HEAD + FUNCTION.format(line))
    assert causes == [None] * 3
    for said in report.output.strip().split("\n"):
        pid, folder = said.split(" ", 1)
        assert not os.path.exists(folder) and not alive(int(pid))


def alive(pid):
    """Whether a process runs; one that is ended but not yet collected by its parent does not."""
    for _ in range(50):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        if state in "ZX":
            return False
        time.sleep(0.02)
    return True


def test_the_processor_time_is_limited(tmp_path):
    sandbox = Sandbox("L0", "for a test", {"RLIMIT_CPU": 1})
    slow = Limits(case=8.0)
    source = HEAD + FUNCTION.format("while len(weights) == 3: pass")
    _, causes = run(tmp_path, source, limits=slow, sandbox=sandbox)
    assert causes == [None, "timeout", None]


def test_the_whole_exercise_has_a_deadline(tmp_path):
    source = HEAD + FUNCTION.format("time.sleep(99)")
    report, causes = run(tmp_path, source, limits=Limits(case=0.6, total=0.8))
    assert causes == ["timeout"] * 3 and "not run" in report.cases[-1].message


def test_a_worker_that_does_not_start_is_our_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(Sandbox, "command", lambda self, path: [__import__("sys").executable, "-c", "1/0"])
    with pytest.raises(MinattnError, match="ZeroDivisionError"):
        run(tmp_path, HEAD)


def test_a_seed_repeats_the_cases_and_is_logged(tmp_path):
    source = HEAD + FUNCTION.format("print(states.sum())")
    first, again = run(tmp_path, source, seed=5)[0], run(tmp_path, source, seed=5)[0]
    other = run(tmp_path, source)[0]
    assert first.output == again.output != other.output
    assert first.seed == 5 and other.to_dict()["seed"] == other.seed != 5


def test_the_report_names_level_and_digest(tmp_path):
    report, _ = run(tmp_path, HEAD + FUNCTION.format("pass"))
    assert report.passed and report.sandbox == str(probe()) and "L0 own process" in str(report)
    assert len(report.sha256) == 64 and report.sha256[:12] in str(report)
