"""What a learner has passed: one small JSON file, written whole or not at all.

It lies in the user's data folder, or in MINATTN_HOME. A file that cannot be read is kept under another name.
"""

import contextlib
import datetime
import json
import os
import tempfile
from pathlib import Path

from ..errors import OutputError
from .registry import find

FORMAT = 1


def home():
    """The folder of the progress file: MINATTN_HOME, or the user's data folder for minattn."""
    import platformdirs

    return Path(os.environ.get("MINATTN_HOME") or platformdirs.user_data_dir("minattn", appauthor=False))


class Progress:
    """Points and tries of every exercise.

    folder    where `progress.json` lies; None: `home()`
    notice    a sentence for the user when the file was damaged and put aside, else None
    """

    def __init__(self, folder=None):
        self.path = Path(folder or home()) / "progress.json"
        self.notice = None
        self._data = self._read()

    def record(self, report):
        """Store the outcome of one report: best points, passed, failed tries. Raises OutputError."""
        self._data = self._read()  # another check may have written since
        entry = self._data["exercises"].setdefault(report.exercise.slug, {})
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        entry["points"] = max(report.points, entry.get("points", 0))
        entry["checks"] = entry.get("checks", 0) + 1
        if report.passed:
            entry.setdefault("passed", now)
        elif report.wrong_try:
            entry["wrong"] = entry.get("wrong", 0) + 1
        self._write()

    def passed(self, slug):
        return "passed" in self._entry(slug)

    def points(self, slug):
        """Best points so far."""
        return self._entry(slug).get("points", 0)

    def wrong_tries(self, slug):
        return self._entry(slug).get("wrong", 0)

    def touched(self, slug):
        """Whether the exercise was ever checked."""
        return bool(self._entry(slug))

    def _entry(self, slug):
        return self._data["exercises"].get(find(slug).slug, {})

    def _read(self):
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"format": FORMAT, "exercises": {}}
        except (ValueError, RecursionError):
            data = None
        except OSError as error:
            raise self._error(error) from None
        return data if _sound(data) else self._put_aside()

    def _put_aside(self):
        """Keep a damaged file under a name that is free, and begin anew."""
        n = 1
        while (kept := self.path.with_name(f"progress.damaged-{n}.json")).exists():
            n += 1
        try:
            os.replace(self.path, kept)
        except OSError as error:
            raise self._error(error) from None
        self.notice = f"The progress file could not be read. It was kept as {kept}; a new one begins."
        return {"format": FORMAT, "exercises": {}}

    def _write(self):
        draft = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self.path.parent, prefix="progress-", suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._data, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.path)
        except OSError as error:
            if draft is not None:
                with contextlib.suppress(OSError):
                    os.unlink(draft)
            raise self._error(error) from None

    def _error(self, error):
        return OutputError(
            f"progress file {self.path}",
            expected="a file that can be read and written",
            got=error.strerror or str(error),
            hint="set MINATTN_HOME to a folder of yours",
        )


def _sound(data):
    """Whether the content is what this module writes (unknown keys are kept as they are)."""
    if not isinstance(data, dict) or not isinstance(data.get("exercises"), dict):
        return False
    return all(isinstance(entry, dict) and _numbers(entry) for entry in data["exercises"].values())


def _numbers(entry):
    return all(isinstance(entry.get(key, 0), int | float) for key in ("points", "wrong", "checks"))
