"""All exercises, found by walking `checks/`: one folder a lesson, one file an exercise, no list to keep.

A lesson's folder says in its `__init__` which lesson it comes `AFTER`; that chain is the order.
"""

import functools
import importlib
import pkgutil

from ..errors import ArgumentError
from . import checks
from .exercise import closest


@functools.cache
def lessons():
    """Slugs of the lessons that have exercises, in reading order."""
    after = {}
    for found in pkgutil.iter_modules(checks.__path__):
        if found.ispkg:
            package = importlib.import_module(f"{checks.__name__}.{found.name}")
            after[found.name.replace("_", "-")] = package.AFTER

    def depth(slug):
        return 0 if slug not in after else 1 + depth(after[slug])

    return tuple(sorted(after, key=lambda slug: (depth(slug), slug)))


@functools.cache
def _all():
    found = []
    for lesson in lessons():
        package = importlib.import_module(f"{checks.__name__}.{lesson.replace('-', '_')}")
        names = [module.name for module in pkgutil.iter_modules(package.__path__)]
        here = [importlib.import_module(f"{package.__name__}.{name}").EXERCISE for name in names]
        found += sorted(here, key=lambda exercise: exercise.position)
    return tuple(found)


def exercises(lesson=None):
    """The exercises in the order of the lessons, or those of one lesson. Returns a list of `Exercise`.

    >>> exercises("tensors-and-gradients")[0].slug
    'softmax'
    """
    if lesson is None:
        return list(_all())
    wanted = lesson.replace("_", "-")
    if wanted not in lessons():
        raise ArgumentError(
            "exercises(lesson)", expected="a lesson's slug", got=repr(lesson), hint=closest(wanted, lessons())
        )
    return [exercise for exercise in _all() if exercise.lesson == wanted]


def find(slug):
    """The exercise with this slug; `-` and `_` are the same. Raises ArgumentError with the closest slugs.

    >>> find("masked-softmax").lesson
    'seq2seq-and-bahdanau'
    """
    by_slug = {exercise.slug: exercise for exercise in _all()}
    wanted = str(slug).strip().lower().replace("-", "_")
    if wanted not in by_slug:
        raise ArgumentError(
            "grading.find(slug)",
            expected="the slug of an exercise",
            got=repr(slug),
            hint=closest(wanted, list(by_slug)),
        )
    return by_slug[wanted]
