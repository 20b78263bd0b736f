"""One worker process seen from the grader: start it, ask it, drain what it prints, end it.

Every question has a deadline and every way to fail has a name. A `Fatal` failure leaves the worker unusable:
close it and start another.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading

from . import frames

OUTPUT_CAP = 16 * 1024
WINDOWS_CRASH = 0x80000000  # exit codes from here on are exceptions of the processor or the system


class Fatal(Exception):
    """The worker can no longer be asked: `cause` and `message` say why."""

    def __init__(self, cause, message):
        self.cause, self.message = cause, message
        super().__init__(f"{cause}: {message}")


class Worker:
    """A running worker with one submission, not loaded yet."""

    def __init__(self, sandbox, submission):
        self.folder = tempfile.TemporaryDirectory(prefix="minattn-", ignore_cleanup_errors=True)
        apart = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self.process = subprocess.Popen(
            sandbox.command(submission),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder.name,
            env=sandbox.environment(self.folder.name),
            **apart,
        )
        self.printed, self.cut = bytearray(), 0
        self._drain = threading.Thread(target=self._drain_output, daemon=True)
        self._drain.start()
        self._talker = None

    def ask(self, do, seconds, function="", args=()):
        """Send one request and return (reply header, arrays). Raises Fatal."""
        ticket = secrets.token_hex(8)
        request = frames.pack({"do": do, "fn": function, "id": ticket}, args)
        box = []
        self._talker = threading.Thread(target=self._talk, args=(request, box), daemon=True)
        self._talker.start()
        self._talker.join(seconds)
        if not box:
            raise Fatal("timeout", f"no answer within {seconds:.3g} s")
        if isinstance(box[0], frames.FrameError) and box[0].name != "end":
            raise Fatal("bad-frame", f"the answer was not a frame ({box[0].name})")
        if isinstance(box[0], Exception):
            raise self._death()
        head, arrays = box[0]
        if head.pop("id", None) != ticket:
            raise Fatal("bad-frame", "an answer that belongs to no question")
        return head, arrays

    def _talk(self, request, box):
        """Runs in a thread: the deadline is kept by the one who waits for it."""
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
            box.append(frames.read(self.process.stdout, plain=False))
        except (frames.FrameError, OSError, ValueError) as error:
            box.append(error)

    def _death(self):
        """Why the pipe closed."""
        try:
            code = self.process.wait(2)
        except subprocess.TimeoutExpired:
            return Fatal("bad-frame", "the channel to the grader was closed")
        if code == -getattr(signal, "SIGXCPU", 0):
            return Fatal("timeout", "the processor time for this file is used up")
        if code < 0:
            return Fatal("crash", f"the process was ended by signal {-code} ({signal.strsignal(-code)})")
        if code >= WINDOWS_CRASH:
            return Fatal("crash", f"the process was ended by exception {code:#x}")
        return Fatal("exit", f"the process ended itself (exit code {code})")

    def _drain_output(self):
        """Keep the first OUTPUT_CAP bytes of what the submission prints, count the rest."""
        with contextlib.suppress(OSError, ValueError):
            while part := self.process.stderr.read1(65536):
                room = max(0, OUTPUT_CAP - len(self.printed))
                self.printed += part[:room]
                self.cut += len(part[room:])

    def close(self):
        """End the process, and its children that stayed in its group; remove its folder."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for thread, pipe in ((self._talker, self.process.stdout), (self._drain, self.process.stderr)):
            if thread is not None:
                thread.join(1)
            if thread is None or not thread.is_alive():  # else a runaway child still holds the other end
                pipe.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.folder.cleanup()
