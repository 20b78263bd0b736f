"""The trusted side: grade one file against one exercise, failing closed.

Inputs are drawn here from a logged seed, the answers are compared here, and the submission runs elsewhere. No
reply, a late, short, extra or malformed one is 0 for its case, with a named cause:

    timeout  memory  crash  exit  bad-frame  exception  not-implemented  missing-function
    import-error  syntax-error  wrong-type  wrong-shape  wrong-value

A fatal case ends the worker; the next case gets a new one.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import MinattnError
from .judge import Reply, judge
from .process import Fatal, Worker
from .report import Report
from .sandbox import probe

CAUSES = (
    "timeout",
    "memory",
    "crash",
    "exit",
    "bad-frame",
    "exception",
    "not-implemented",
    "missing-function",
    "import-error",
    "syntax-error",
    "wrong-type",
    "wrong-shape",
    "wrong-value",
)


@dataclass(frozen=True)
class Limits:
    """Seconds: to start Python and NumPy, to run the file, for one case (None: the exercise's), for all."""

    start: float = 60.0
    load: float = 10.0
    case: float | None = None
    total: float = 40.0


class Submission:
    """A file under examination: a worker when one is needed, a new one after a fatal case."""

    def __init__(self, path, function, limits, sandbox):
        self.path, self.function, self.limits, self.sandbox = path, function, limits, sandbox
        self.worker, self.refused = None, None
        self.output, self.output_cut = "", 0
        self.deadline = time.monotonic() + limits.total

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def answer(self, args, seconds):
        """One case. Returns a Reply; never raises for what the submission does."""
        if self.refused is not None:
            return Reply(cause=self.refused[0], message=self.refused[1])
        left = self.deadline - time.monotonic()
        if left <= 0:
            return Reply(cause="timeout", message="not run: the time for the whole exercise was used up")
        try:
            if self.worker is None:
                self._begin()
            if self.refused is not None:
                return Reply(cause=self.refused[0], message=self.refused[1])
            head, arrays = self.worker.ask(
                "call", min(self.limits.case or seconds, left), self.function, args
            )
            self.worker.ask("ping", seconds)  # a second reply to the case would be found here
        except Fatal as fatal:
            self._end()
            return Reply(cause=fatal.cause, message=fatal.message)
        return _reply(head, arrays)

    def _begin(self):
        """Start a worker and load the file. A file that cannot be loaded is not tried again."""
        self.worker = Worker(self.sandbox, self.path)
        try:
            self.worker.ask("ready", self.limits.start)
        except Fatal as fatal:
            said = self.worker.printed.decode(errors="replace").strip()
            self._end()
            raise MinattnError(
                "the grading worker",
                expected="a Python process with NumPy",
                got=f"{fatal} {said[-200:]}",
                hint="run `minattn doctor`; the worker is started as `python -I -B worker.py`",
            ) from None
        try:
            head, _ = self.worker.ask("load", self.limits.load, self.function)
            self.worker.ask("ping", self.limits.load)
        except Fatal as fatal:
            self._end()
            head = {"cause": fatal.cause, "message": f"while the file was loaded: {fatal.message}"}
        if head:
            reply = _reply(head, [])
            self.refused = (reply.cause, reply.message)

    def _end(self):
        if self.worker is None:
            return
        self.worker.close()
        room = max(0, 4000 - len(self.output))
        text = clean(self.worker.printed)
        self.output += text[:room]
        self.output_cut += self.worker.cut + len(text[room:])
        self.worker = None


def _reply(head, arrays):
    """A frame's content as a Reply; the worker may only name causes that exist, anything else is "
    "bad-frame."""
    cause, message = head.get("cause"), head.get("message", "")
    if cause is None and isinstance(head.get("tuple"), bool) and arrays:
        return Reply(arrays=arrays)
    if cause in CAUSES and isinstance(message, str):
        return Reply(cause=cause, message=clean(message.encode(errors="replace"))[:400])
    return Reply(cause="bad-frame", message="the answer holds neither arrays nor a cause")


def clean(raw):
    """Bytes of a submission as text that is safe to show: no control or escape characters."""
    text = raw.decode(errors="replace").replace("\r\n", "\n")
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def grade(exercise, path, seed=None, limits=None, hints=0, sandbox=None):
    """Grade the file at `path` in a worker of its own.

    seed     of the inputs; None draws a new one. It stands in the report: the same seed gives the same cases
    limits   seconds, see `Limits`
    hints    how many rungs of the hint ladder a failed report shows
    sandbox  how the worker is held apart; None: the highest level that `probe` finds
    Returns a `Report`. Raises MinattnError when the worker itself cannot be started.
    """
    path, start = Path(path), time.monotonic()
    seed = secrets.randbits(32) if seed is None else seed
    sandbox = probe() if sandbox is None else sandbox
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with Submission(path.resolve(), exercise.function, limits or Limits(), sandbox) as submission:
        results, recognised = judge(exercise, seed, submission.answer)
    return Report(
        exercise=exercise,
        cases=results,
        recognised=recognised,
        seed=seed,
        sandbox=str(sandbox),
        rungs=hints,
        output=submission.output,
        output_cut=submission.output_cut,
        path=str(path),
        sha256=digest,
        seconds=time.monotonic() - start,
    )
